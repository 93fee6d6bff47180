using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>What the UDP sockets of one loop share: room to receive into, and what waits to be sent. Belongs to the loop's thread.</summary>
/// <param name="loop">The loop.</param>
/// <param name="counters">What is counted.</param>
/// <param name="observer">Hears of dropped datagrams.</param>
internal sealed class UdpIo(EventLoop loop, UdpCounters counters, IProxyObserver observer) : IFlushable
{
    private readonly DatagramSender _sender = new();
    private readonly List<UdpSocketPeer> _waiting = [];

    /// <summary>Room for one receive call.</summary>
    internal DatagramReceiver Receiver { get; } = new();

    /// <summary>Bytes of datagrams whose path is being made; see <see cref="UdpPending"/>.</summary>
    internal long PendingBytes { get; set; }

    /// <summary>What is counted.</summary>
    internal UdpCounters Counters => counters;

    /// <inheritdoc/>
    public bool IsFlushScheduled { get; set; }

    /// <summary>Lets a datagram wait for its socket's turn.</summary>
    internal void Add(UdpSocketPeer peer, ReadOnlySpan<byte> payload)
    {
        if (!_sender.TryAdd(ref peer.Queue, payload))
        {
            Flush();
            _sender.TryAdd(ref peer.Queue, payload);
        }

        if (peer.Queue.Count > 1) return;
        _waiting.Add(peer);
        loop.ScheduleFlush(this);
    }

    /// <summary>Sends what waits for one socket.</summary>
    internal void Flush(UdpSocketPeer peer)
    {
        if (peer.Queue.Count == 0) return;
        DatagramSendResult result = _sender.Send(peer.Handle!, ref peer.Queue, ref peer.MaxSegment);
        if (result.Dropped > 0) observer.OnDatagramDropped(DatagramDrop.SendFailed, result.Dropped);
        if (result.Error == SocketErrno.ConnectionRefused) peer.OnRefused();
    }

    /// <summary>A datagram was sent without a socket of its own.</summary>
    internal void CountUnbound(SocketErrno error)
    {
        if (error != SocketErrno.None) observer.OnDatagramDropped(DatagramDrop.SendFailed, 1);
    }

    /// <summary>Forgets what waits for a socket.</summary>
    internal void Discard(UdpSocketPeer peer)
    {
        if (peer.Queue.Count > 0) _sender.Discard(ref peer.Queue);
    }

    /// <summary>Sends everything that waits.</summary>
    public void Flush()
    {
        foreach (UdpSocketPeer peer in _waiting) Flush(peer);
        _waiting.Clear();
    }
}
