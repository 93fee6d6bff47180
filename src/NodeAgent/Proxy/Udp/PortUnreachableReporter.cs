using Culvert.Interop;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Tells clients that nobody listens where they send datagrams to, as the destination itself would (ICMP). Its raw sockets, of each network namespace that clients are in, are made when they
/// are needed first. Belongs to its loop's thread.
/// </summary>
internal sealed class PortUnreachableReporter
{
    private readonly EventLoop _loop;
    private readonly SocketMark _mark;
    private readonly bool _transparent;
    private readonly PerSpace<PortUnreachableSender> _senders;
    private bool _isReported;

    /// <summary>Makes a reporter; no socket yet.</summary>
    /// <param name="loop">The loop.</param>
    /// <param name="mark">Mark of what it sends.</param>
    /// <param name="transparent">Whether it may send from destinations' addresses: nothing is told otherwise.</param>
    internal PortUnreachableReporter(EventLoop loop, SocketMark mark, bool transparent) => (_loop, _mark, _transparent, _senders) = (loop, mark, transparent, new(Make));

    /// <summary>Tells the client of a session. Nothing is told without CAP_NET_RAW, which is reported once.</summary>
    /// <param name="session">Client and destination.</param>
    /// <param name="backend">What its datagrams are addressed to on this node, where that is not the destination.</param>
    internal void Tell(in UdpSessionKey session, in SocketEndPoint? backend)
    {
        // As any ICMP: of no consequence when it does not arrive.
        if (_transparent) _ = _senders.Find(session.Space)?.Send(session.Client, session.Destination, backend);
    }

    /// <summary>Closes the sockets in a space, which has been given up.</summary>
    internal void CloseOf(PodSpace space) => _senders.CloseOf(space);

    /// <summary>Closes the sockets, if there are any; when the loop ends.</summary>
    internal void Close() => _senders.Dispose();

    private PortUnreachableSender? Make(PodSpace? space)
    {
        PortUnreachableSender? sender = SpaceSockets.TryCreateUnreachable(_loop, space, _mark, out SocketErrno error);
        if (sender is not null || error == SocketErrno.BadDescriptor || _isReported) return sender;
        _isReported = true;
        _loop.ReportFault(new KernelException("make a raw socket (CAP_NET_RAW) to report closed UDP ports to clients", (int)error));
        return null;
    }
}
