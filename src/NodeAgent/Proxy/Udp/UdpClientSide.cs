using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// A session's sockets towards its client: one speaks from the address the client sent to, others, a few, from further ports of
/// it, which the application chose to answer from. Fragmented datagrams of the client come in here as well, as the kernel's own
/// look-up prefers a connected socket. Belongs to its loop's thread.
/// </summary>
internal sealed class UdpClientSide : IDatagramSink, IDisposable
{
    // TFTP answers from one other port; a pod that answers from each must not cost descriptors without bound.
    private const int MaxOtherPorts = 8;

    private readonly UdpSession _session;
    private readonly UdpCounters _counters;
    private readonly IProxyObserver _observer;
    private readonly UdpSocketPeer? _socket;
    private List<(ushort Port, UdpSocketPeer Socket)>? _others;

    internal UdpClientSide(UdpSession session, UdpCounters counters, IProxyObserver observer)
    {
        (_session, _counters, _observer) = (session, counters, observer);
        _socket = session.OpenForClient(otherPort: 0, this);
    }

    /// <summary>Sends to the client; false when that can't be done, which is counted.</summary>
    /// <param name="payload">The datagram.</param>
    /// <param name="sourcePort">0, or the port to send it from.</param>
    internal bool Send(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        UdpSocketPeer? socket = sourcePort == 0 ? _socket : FindOther(sourcePort);
        if (socket is null)
        {
            _observer.OnDatagramDropped(DatagramDrop.NoAnswerSocket);
            return false;
        }

        _counters.CountToClient();
        return socket.Send(payload);
    }

    /// <summary>Sends what has been batched.</summary>
    internal void Flush()
    {
        _socket?.Flush();
        if (_others is null) return;
        foreach ((_, UdpSocketPeer socket) in _others) socket.Flush();
    }

    /// <inheritdoc/>
    public void OnDatagram(ReadOnlySpan<byte> payload, ushort sourcePort)
    {
        _counters.CountFromClient();
        _session.OnFromClient(payload);
    }

    /// <inheritdoc/>
    public void OnIdle() => _session.FlushToPeer();

    /// <inheritdoc/>
    public void OnClosed(ProxyFailure failure) => _session.Close(failure);

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket?.Dispose();
        if (_others is null) return;
        foreach ((_, UdpSocketPeer socket) in _others) socket.Dispose();
    }

    private UdpSocketPeer? FindOther(ushort port)
    {
        if (_others is not null)
        {
            foreach ((ushort known, UdpSocketPeer socket) in _others)
            {
                if (known == port) return socket;
            }
        }

        if (_others?.Count == MaxOtherPorts) return null;
        UdpSocketPeer? opened = _session.OpenForClient(port, this);
        if (opened is not null) (_others ??= []).Add((port, opened));
        return opened;
    }
}
