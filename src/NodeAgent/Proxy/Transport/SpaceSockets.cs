using Culvert.Interop.Netlink;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>
/// Makes sockets in pods' network namespaces: the loop's thread enters for socket(2) alone, since a socket stays where it was made and all else is done to it from anywhere. On a loop's thread.
/// </summary>
internal static class SpaceSockets
{
    /// <summary>A TCP socket; null, and why, when the system refuses or the space is no more.</summary>
    /// <param name="loop">The loop the caller runs on.</param>
    /// <param name="space">Where; null: in the node's own namespace.</param>
    /// <param name="ipv6">Whether for IPv6.</param>
    /// <param name="error">Why null was returned.</param>
    internal static SocketHandle? TryCreateTcp(EventLoop loop, PodSpace? space, bool ipv6, out SocketErrno error)
    {
        using HomeNamespace.Visit visit = Enter(loop, space, out error);
        return error == SocketErrno.None ? SocketHandle.TryCreateTcp(ipv6, out error) : null;
    }

    /// <summary>The same for UDP.</summary>
    internal static SocketHandle? TryCreateUdp(EventLoop loop, PodSpace? space, bool ipv6, out SocketErrno error)
    {
        using HomeNamespace.Visit visit = Enter(loop, space, out error);
        return error == SocketErrno.None ? SocketHandle.TryCreateUdp(ipv6, out error) : null;
    }

    /// <summary>Sockets that tell senders that nobody listens.</summary>
    internal static PortUnreachableSender? TryCreateUnreachable(EventLoop loop, PodSpace? space, SocketMark mark, out SocketErrno error)
    {
        using HomeNamespace.Visit visit = Enter(loop, space, out error);
        return error == SocketErrno.None ? PortUnreachableSender.TryCreate(mark, out error) : null;
    }

    /// <summary>Sockets that send datagrams from any port without taking it.</summary>
    internal static UnboundDatagramSender? TryCreateUnbound(EventLoop loop, PodSpace? space, SocketMark mark, out SocketErrno error)
    {
        using HomeNamespace.Visit visit = Enter(loop, space, out error);
        return error == SocketErrno.None ? UnboundDatagramSender.TryCreate(mark, out error) : null;
    }

    private static HomeNamespace.Visit Enter(EventLoop loop, PodSpace? space, out SocketErrno error)
    {
        if (space is not { IsClosed: true }) return loop.Enter(space?.Namespace, out error);
        error = SocketErrno.BadDescriptor;
        return default;
    }
}
