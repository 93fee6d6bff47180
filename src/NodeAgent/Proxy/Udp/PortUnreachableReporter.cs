using Culvert.Interop;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>
/// Tells clients that nobody listens where they send datagrams to, as the destination itself would (ICMP). Its raw socket is made when it is needed first. Belongs to its
/// loop's thread.
/// </summary>
/// <param name="loop">The loop.</param>
/// <param name="mark">Mark of what it sends.</param>
/// <param name="transparent">Whether it may send from destinations' addresses: nothing is told otherwise.</param>
internal sealed class PortUnreachableReporter(EventLoop loop, SocketMark mark, bool transparent)
{
    private PortUnreachableSender? _sender;
    private bool _isTried;

    /// <summary>Tells a client. Nothing is told without CAP_NET_RAW, which is reported once.</summary>
    /// <param name="client">The client.</param>
    /// <param name="destination">Where it sends to.</param>
    internal void Tell(in SocketEndPoint client, in SocketEndPoint destination)
    {
        if (!transparent) return;
        if (!_isTried)
        {
            _isTried = true;
            _sender = PortUnreachableSender.TryCreate(mark, out SocketErrno error);
            if (_sender is null) loop.ReportFault(new KernelException("make a raw socket (CAP_NET_RAW) to report closed UDP ports to clients", (int)error));
        }

        // As any ICMP: of no consequence when it does not arrive.
        _ = _sender?.Send(client, destination);
    }

    /// <summary>Closes the socket, if there is one; when the loop ends.</summary>
    internal void Close() => _sender?.Dispose();
}
