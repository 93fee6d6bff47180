using System.Net;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Two connected loopback sockets.</summary>
internal sealed class SocketPair : IDisposable
{
    internal SocketPair(bool ipv6 = false)
    {
        IPAddress address = ipv6 ? IPAddress.IPv6Loopback : IPAddress.Loopback;
        using SocketHandle listener = SocketHandle.CreateTcp(ipv6);
        Assert.Equal(SocketErrno.None, listener.Bind(new SocketEndPoint(address, 0)));
        Assert.Equal(SocketErrno.None, listener.Listen(1));
        Assert.Equal(SocketErrno.None, listener.GetLocalEndPoint(out SocketEndPoint local));
        First = SocketHandle.CreateTcp(ipv6);
        SocketErrno error = First.Connect(local);
        Assert.True(error is SocketErrno.None or SocketErrno.InProgress, error.ToString());
        using EpollHandle epoll = EpollHandle.Create();
        Assert.Equal(SocketErrno.None, epoll.Add(listener, EpollEvents.Readable, 0));
        EpollBuffer events = new(1);
        SocketHandle? accepted;
        while ((accepted = listener.Accept(out _, out _)) is null) epoll.Wait(events, -1);
        Second = accepted;
    }

    internal SocketHandle First { get; }

    internal SocketHandle Second { get; }

    public void Dispose()
    {
        First.Dispose();
        Second.Dispose();
    }
}
