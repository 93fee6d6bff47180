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
/// <param name="loop">The loop.</param>
/// <param name="mark">Mark of what it sends.</param>
/// <param name="transparent">Whether it may send from destinations' addresses: nothing is told otherwise.</param>
internal sealed class PortUnreachableReporter(EventLoop loop, SocketMark mark, bool transparent)
{
    // Null where they could not be made.
    private readonly Dictionary<PodSpace, PortUnreachableSender?> _inside = [];
    private PortUnreachableSender? _sender;
    private bool _isTried;

    /// <summary>Tells the client of a session. Nothing is told without CAP_NET_RAW, which is reported once.</summary>
    /// <param name="session">Client and destination.</param>
    /// <param name="backend">What its datagrams are addressed to on this node, where that is not the destination.</param>
    internal void Tell(in UdpSessionKey session, in SocketEndPoint? backend)
    {
        // As any ICMP: of no consequence when it does not arrive.
        if (transparent) _ = SenderIn(session.Space)?.Send(session.Client, session.Destination, backend);
    }

    /// <summary>Closes the sockets in a space, which has been given up.</summary>
    internal void CloseOf(PodSpace space)
    {
        if (_inside.Remove(space, out PortUnreachableSender? sender)) sender?.Dispose();
    }

    /// <summary>Closes the sockets, if there are any; when the loop ends.</summary>
    internal void Close()
    {
        _sender?.Dispose();
        foreach (PortUnreachableSender? sender in _inside.Values) sender?.Dispose();
    }

    private PortUnreachableSender? SenderIn(PodSpace? space)
    {
        if (space is not null)
        {
            if (space.IsClosed) return null;
            if (!_inside.TryGetValue(space, out PortUnreachableSender? inside)) _inside.Add(space, inside = Make(space));
            return inside;
        }

        if (!_isTried) (_isTried, _sender) = (true, Make(null));
        return _sender;
    }

    private PortUnreachableSender? Make(PodSpace? space)
    {
        PortUnreachableSender? sender = SpaceSockets.TryCreateUnreachable(loop, space, mark, out SocketErrno error);
        if (sender is null && error != SocketErrno.BadDescriptor) loop.ReportFault(new KernelException("make a raw socket (CAP_NET_RAW) to report closed UDP ports to clients", (int)error));
        return sender;
    }
}
