using System.Net;
using System.Net.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Many connections in one tunnel: how they share it, and what ends it.</summary>
public sealed class TunnelTests
{
    [Fact]
    public async Task ConnectionsShareOneTunnel()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        List<Socket> sockets = [];
        for (int i = 0; i < 50; i++)
        {
            (Socket client, Socket server) = await pair.ConnectAsync(listener);
            sockets.AddRange([client, server]);
        }

        await SocketExtensions.EventuallyAsync(async () => await pair.CountAsync() == (50, 1));
        Assert.Single(pair.Source.Handshakes);
        sockets.ForEach(s => s.Dispose());
        await SocketExtensions.EventuallyAsync(async () => await pair.CountAsync() == (0, 1));
    }

    [Fact]
    public async Task TunnelsFromPodsAddressesAreSharedByOnePodOnly()
    {
        IPAddress[] pods = [IPAddress.Parse("127.9.0.1"), IPAddress.Parse("127.9.0.2")];
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        List<Socket> sockets = [];
        foreach (bool isPod in (bool[])[false, true])
        {
            pair.Source.IsPod = isPod;
            for (int i = 0; i < 10; i++)
            {
                (Socket client, Socket server) = await pair.ConnectAsync(listener, pods[i % 2]);
                sockets.AddRange([client, server]);
            }
        }

        // One from the system's choice of address for both, and one from each pod's.
        await SocketExtensions.EventuallyAsync(async () => await pair.CountAsync() == (20, 3));
        Assert.Equal(pods, pair.Destination.Handshakes.Select(h => h.Handshake.Peer.ToIPAddress()).Skip(1).OrderBy(a => a.ToString(), StringComparer.Ordinal));
        Assert.DoesNotContain(pair.Destination.Handshakes.First().Handshake.Peer.ToIPAddress(), pods);
        sockets.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task MoreStreamsThanATunnelTakesOpenAnother()
    {
        await using ProxyPair pair = new(o => o with { StreamsPerTunnel = 10 });
        using Socket listener = pair.ListenByTunnel();
        List<Socket> sockets = [];
        for (int i = 0; i < 25; i++)
        {
            (Socket client, Socket server) = await pair.ConnectAsync(listener);
            sockets.AddRange([client, server]);
        }

        await SocketExtensions.EventuallyAsync(async () => await pair.CountAsync() == (25, 3));
        sockets.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task SlowReadersDoNotStallOtherConnectionsOfTheirTunnel()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        List<Socket> sockets = [];
        List<Task> writers = [];
        byte[] block = new byte[64 * 1024];
        long sent = 0;
        for (int i = 0; i < 40; i++)
        {
            (Socket client, Socket server) = await pair.ConnectAsync(listener);
            sockets.AddRange([client, server]);
            writers.Add(WriteUntilClosedAsync(client, block, n => Interlocked.Add(ref sent, n)));
        }

        // Nobody reads: every window and buffer on the way becomes full.
        await SocketExtensions.StalledAtAsync(() => Interlocked.Read(ref sent));
        (Socket quick, Socket echo) = await pair.ConnectAsync(listener);
        await SocketExtensions.EventuallyAsync(async () => await pair.CountAsync() == (41, 1));
        for (int i = 0; i < 100; i++)
        {
            await quick.SendAllAsync(block);
            Assert.Equal(block.Length, (await echo.ReceiveExactlyAsync(block.Length)).Length);
        }

        sockets.AddRange([quick, echo]);
        sockets.ForEach(s => s.Dispose());
        await Task.WhenAll(writers);
    }

    [Fact]
    public async Task TooManyConnectionsAreRefusedByName()
    {
        // Only the source has listeners for pods. At the destination the tunnel takes no place of theirs.
        await using ProxyPair pair = new(o => o with { MaxConnections = o.OutboundListeners.Count > 0 ? 100 : 1 });
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await pair.ExpectResetAsync(ProxyFailure.ConnectFailed);
        Assert.Equal(ProxyFailure.Overload, pair.Destination.Failed.Single().Failure);
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task ABrokenTunnelResetsItsConnectionsAndTheNextOneGetsANewTunnel()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await pair.DestinationProxy.DisposeAsync();
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await pair.ExpectResetAsync(ProxyFailure.ConnectRefused);
    }

    [Fact]
    public async Task AnIdleTunnelIsReleased()
    {
        await using ProxyPair pair = new(o => o with { TunnelIdleTimeout = TimeSpan.FromSeconds(1) });
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        client.Dispose();
        server.Dispose();
        await SocketExtensions.EventuallyAsync(async () =>
            await pair.CountAsync() == (0, 0) && (await pair.DestinationProxy.GetStatsAsync())[0].ServerTunnels == 0);
    }

    private static async Task WriteUntilClosedAsync(Socket socket, byte[] block, Action<int> sent)
    {
        try
        {
            while (true) sent(await socket.SendAsync(block.AsMemory()));
        }
        catch (Exception e) when (e is SocketException or ObjectDisposedException)
        {
            // The test is over and has closed it.
        }
    }
}
