using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Relay;

/// <summary>A running connection, or session of datagrams, as whoever counts, re-authorises or drains it sees it. Belongs to its loop's thread.</summary>
internal interface IRunningConnection
{
    /// <summary>Bytes from the client towards the application.</summary>
    long BytesSent { get; }

    /// <summary>Bytes from the application towards the client.</summary>
    long BytesReceived { get; }

    /// <summary>Why it was aborted; None while it runs and after an orderly end.</summary>
    ProxyFailure Failure { get; }

    /// <summary>Ends it at once: both sides see a reset.</summary>
    void Abort(ProxyFailure failure);
}
