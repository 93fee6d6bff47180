using Culvert.Interop.Sockets;
using Culvert.Interop.Tls;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>A peer with a certificate sends TLS records without data, each of which costs this side the making of keys.</summary>
[Trait("Category", "Attack")]
public sealed class KeyUpdateAttackTests
{
    private const int Updates = 20_000;

    [Fact]
    public async Task ATunnelOfNothingButFreshKeysEnds()
    {
        await using ProxyPair pair = new();
        using SocketHandle socket = SocketHandle.CreateTcp(pair.Tunnel.IsIPv4 is false);
        using TlsContext context = pair.Authority.Context(false, pair.Authority.Issue(ProxyPair.Alice));
        Assert.True(socket.Connect(pair.Tunnel) is SocketErrno.None or SocketErrno.InProgress);
        using TlsConnection peer = TlsConnection.Create(context, socket);
        using EpollHandle epoll = EpollHandle.Create();
        EpollBuffer events = new(1);
        Assert.Equal(SocketErrno.None, epoll.Add(socket, EpollEvents.Readable | EpollEvents.Writable, 0));
        TlsStatus status;
        while ((status = peer.Handshake().Status) is TlsStatus.WantRead or TlsStatus.WantWrite) epoll.Wait(events, -1);
        Assert.Equal(TlsStatus.Done, status);
        await SocketExtensions.EventuallyAsync(async () => (await pair.DestinationProxy.GetStatsAsync()).Sum(s => s.ServerTunnels) == 1);

        int sent = 0;
        while (sent < Updates && (status = peer.UpdateKeys().Status) is TlsStatus.Done or TlsStatus.WantWrite) sent++;

        await SocketExtensions.EventuallyAsync(async () => (await pair.DestinationProxy.GetStatsAsync()).Sum(s => s.ServerTunnels) == 0);
        using System.Net.Sockets.Socket listener = pair.ListenByTunnel();
        (System.Net.Sockets.Socket client, System.Net.Sockets.Socket server) = await pair.ConnectAsync(listener);
        client.Dispose();
        server.Dispose();
    }
}
