namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>The outcome of one call to a transport.</summary>
internal enum TransportStatus
{
    /// <summary>Done; of bytes, the count says how many.</summary>
    Done,

    /// <summary>It goes no further just now: wait for <see cref="ITransport.ReadableAsync"/> or <see cref="ITransport.WritableAsync"/>. Some bytes may have been moved.</summary>
    Blocked,

    /// <summary>The other side has ended its direction.</summary>
    Ended,

    /// <summary>The transport is broken; <see cref="ITransport.Failure"/> and <see cref="ITransport.Detail"/> say how.</summary>
    Failed,
}
