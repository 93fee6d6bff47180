using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>What hears of an <see cref="IDatagramPeer"/>'s other end. Called on the loop; never within a call of the peer's own Send.</summary>
internal interface IDatagramSink
{
    /// <summary>A datagram came back.</summary>
    /// <param name="payload">Its bytes; valid during the call only.</param>
    /// <param name="sourcePort">0: from the port the session speaks to; else from this other port of the same address.</param>
    void OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort);

    /// <summary>No datagrams come for now: what has gathered may leave.</summary>
    void OnIdle();

    /// <summary>The destination said that nobody listens at its port. The peer stays: somebody may, later.</summary>
    void OnUnreachable()
    {
        // Of no use to a sink that has nobody to tell.
    }

    /// <summary>The peer is of no more use (a tunnel broke, policy changed). Called at most once, and not for the owner's own Dispose.</summary>
    void OnClosed(ProxyFailure failure);
}
