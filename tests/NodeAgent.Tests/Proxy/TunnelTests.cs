using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;

namespace Culvert.NodeAgent.Tests.Proxy;

public sealed class TunnelTests
{
    private const string Carol = "spiffe://cluster.local/ns/c/sa/carol";

    [Fact]
    public async Task ConnectionsShareOneTunnel()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        List<Socket> sockets = [];
        for (int i = 0; i < 50; i++)
        {
            (Socket client, Socket server) = await pair.ConnectAsync(listener);
            sockets.AddRange([client, server]);
        }

        await SocketExtensions.EventuallyAsync(async () => await CountAsync(pair.SourceProxy) == (50, 1));
        Assert.Single(pair.Source.Handshakes);
        sockets.ForEach(s => s.Dispose());
        await SocketExtensions.EventuallyAsync(async () => await CountAsync(pair.SourceProxy) == (0, 1));
    }

    [Fact]
    public async Task MoreStreamsThanATunnelTakesOpenAnother()
    {
        await using ProxyPair pair = new(o => o with { StreamsPerTunnel = 10 });
        using Socket listener = Listen(pair);
        List<Socket> sockets = [];
        for (int i = 0; i < 25; i++)
        {
            (Socket client, Socket server) = await pair.ConnectAsync(listener);
            sockets.AddRange([client, server]);
        }

        await SocketExtensions.EventuallyAsync(async () => await CountAsync(pair.SourceProxy) == (25, 3));
        sockets.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task SlowReadersDoNotStallOtherConnectionsOfTheirTunnel()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        List<Socket> sockets = [];
        byte[] block = new byte[64 * 1024];
        for (int i = 0; i < 40; i++)
        {
            (Socket client, Socket server) = await pair.ConnectAsync(listener);
            sockets.AddRange([client, server]);
            client.Blocking = false;

            // Nobody reads: send until every window and buffer on the way is full.
            for (int refused = 0; refused < 3; refused++)
            {
                SocketError error;
                do client.Send(block, SocketFlags.None, out error);
                while (error == SocketError.Success);
                await Task.Delay(5);
            }
        }

        (Socket quick, Socket echo) = await pair.ConnectAsync(listener);
        await SocketExtensions.EventuallyAsync(async () => await CountAsync(pair.SourceProxy) == (41, 1));
        for (int i = 0; i < 100; i++)
        {
            await quick.SendAllAsync(block);
            Assert.Equal(block.Length, (await echo.ReceiveExactlyAsync(block.Length)).Length);
        }

        sockets.AddRange([quick, echo]);
        sockets.ForEach(s => s.Dispose());
    }

    [Fact]
    public async Task TheDestinationSeesTheClientsAddressAndBothIdentities()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await SocketExtensions.EventuallyAsync(() => !pair.Destination.Opened.IsEmpty);
        ProxyConnectionInfo info = Assert.Single(pair.Destination.Opened);
        Assert.Equal(client.LocalEndPoint, ProxyPair.ToIp(info.Source));
        Assert.Equal(listener.LocalEndPoint, ProxyPair.ToIp(info.Target));
        Assert.Equal((ProxyPair.Alice, ProxyPair.Bob), (info.SourceIdentity!.ToString(), info.DestinationIdentity!.ToString()));
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task AClientAddressThatIsNotThePeersIsNotBelieved()
    {
        await using ProxyPair pair = new();
        pair.Destination.ClientAddressIsTrusted = false;
        using Socket listener = Listen(pair);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await SocketExtensions.EventuallyAsync(() => !pair.Destination.Opened.IsEmpty);
        Assert.NotEqual(client.LocalEndPoint, ProxyPair.ToIp(Assert.Single(pair.Destination.Opened).Source));
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task AServerThatProvesAnotherIdentityGetsNoByte()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        pair.RouteTo(((IPEndPoint)listener.LocalEndPoint!).Port, ProxyPair.Workload("carol", "c", Carol, pair.DestinationAddress));
        await ExpectResetAsync(pair, ProxyFailure.PeerIdentityMismatch);
        Assert.Empty(pair.Destination.Opened);
    }

    [Fact]
    public async Task AServerOfAnotherAuthorityGetsNoByte()
    {
        await using ProxyPair pair = new();
        using TestAuthority other = new("other");
        using Socket listener = Listen(pair);
        TestLeaf leaf = other.Issue(ProxyPair.Bob);
        SpiffeId bob = SpiffeId.Parse(ProxyPair.Bob);
        pair.Destination.Identities[bob] = new TlsIdentity(bob, other.Context(false, leaf), other.Context(true, leaf, pair.Authority));
        await ExpectResetAsync(pair, ProxyFailure.TlsHandshake);
    }

    [Fact]
    public async Task ARefusedClientCertificateIsReportedOnBothSides()
    {
        await using ProxyPair pair = new();
        using TestAuthority other = new("other");
        using Socket listener = Listen(pair);
        TestLeaf leaf = other.Issue(ProxyPair.Alice);
        SpiffeId alice = SpiffeId.Parse(ProxyPair.Alice);
        pair.Source.Identities[alice] = new TlsIdentity(alice, other.Context(false, leaf, pair.Authority), other.Context(true, leaf));
        await ExpectResetAsync(pair, ProxyFailure.TlsHandshake);
        await SocketExtensions.EventuallyAsync(() => pair.Source.Handshakes.Any(h => h.Log) && pair.Destination.Handshakes.Any(h => h.Log));
        Assert.Contains("alert", pair.Source.Handshakes.First(h => h.Log).Handshake.Detail, StringComparison.Ordinal);
        Assert.Contains("verify failed", pair.Destination.Handshakes.First(h => h.Log).Handshake.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutACertificateNothingLeaves()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        pair.Source.Identities.Clear();
        await ExpectResetAsync(pair, ProxyFailure.NoCertificate);
        Assert.Empty(pair.Destination.Handshakes);
    }

    [Fact]
    public async Task ADeniedConnectionIsAnsweredWith401AndReset()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        pair.Destination.Allowed = false;
        await ExpectResetAsync(pair, ProxyFailure.PolicyDenied);
        (ProxyConnectionInfo info, ProxyFailure failure) = Assert.Single(pair.Destination.Failed);
        Assert.Equal((ProxyFailure.PolicyDenied, DecisionReason.DeniedByPolicy), (failure, info.Decision.Reason));
    }

    [Fact]
    public async Task OnlyTheWorkloadsOwnAddressMayBeAskedFor()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        pair.Source.Route = _ => OutboundRoute.Tunnel(pair.Tunnel, new SocketEndPoint(IPAddress.Parse("127.99.0.1"), port), pair.Destination.Local!);
        await ExpectResetAsync(pair, ProxyFailure.BadRequest);
    }

    [Fact]
    public async Task TheProxysOwnPortsMayNotBeAskedFor()
    {
        await using ProxyPair pair = new();
        pair.RouteTo(15008);
        await ExpectResetAsync(pair, ProxyFailure.ConnectFailed);
        Assert.Equal(ProxyFailure.NoRoute, pair.Destination.Failed.Single().Failure);
    }

    [Fact]
    public async Task APolicyChangeClosesWhatIsNoLongerAllowed()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        pair.DestinationProxy.ReauthorizeAll();
        await client.SendAllAsync("still"u8.ToArray());
        await server.ReceiveExactlyAsync(5);
        pair.Destination.Allowed = false;
        pair.DestinationProxy.ReauthorizeAll();
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Closed.Count == 1 && pair.Source.Closed.Count == 1);
        Assert.Equal(ProxyFailure.PolicyChanged, pair.Destination.Closed.Single().End.Failure);
        Assert.Equal(ProxyFailure.StreamReset, pair.Source.Closed.Single().End.Failure);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task RotationKeepsConnectionsAndMovesNewOnes(bool source)
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        if (source)
        {
            pair.RenewSource();
            pair.SourceProxy.CertificatesChanged();
        }
        else
        {
            pair.RenewDestination();
            pair.DestinationProxy.CertificatesChanged();
            await SocketExtensions.EventuallyAsync(async () =>
            {
                // Until GOAWAY has arrived, new streams may still share the old tunnel.
                (Socket c, Socket s) = await pair.ConnectAsync(listener);
                c.Dispose();
                s.Dispose();
                return pair.Source.Handshakes.Count == 2;
            });
        }

        (Socket client2, Socket server2) = await pair.ConnectAsync(listener);
        Assert.Equal(2, pair.Source.Handshakes.Count);
        await client.SendAllAsync("old"u8.ToArray());
        await server.ReceiveExactlyAsync(3);
        await client2.SendAllAsync("new"u8.ToArray());
        await server2.ReceiveExactlyAsync(3);
        client.Dispose();
        server.Dispose();
        await SocketExtensions.EventuallyAsync(async () => (await CountAsync(pair.SourceProxy)).Tunnels == 1);
        client2.Dispose();
        server2.Dispose();
    }

    [Fact]
    public async Task RotationUnderTrafficFailsNoRequest()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        using CancellationTokenSource stop = new(), stopEcho = new();
        Task echo = EchoAsync(listener, stopEcho.Token);
        Task<int>[] clients = [.. Enumerable.Range(0, 8).Select(i => Task.Run(async () =>
        {
            int requests = 0;
            byte[] message = new byte[1000];
            while (!stop.IsCancellationRequested)
            {
                using Socket client = await pair.ConnectClientAsync();
                for (int r = 0; r < 5; r++, requests++)
                {
                    await client.SendAllAsync(message);
                    await client.ReceiveExactlyAsync(message.Length);
                }
            }

            return requests;
        }))];
        for (int i = 0; i < 20; i++)
        {
            await Task.Delay(50);
            if (i % 2 == 0) pair.RenewSource();
            else pair.RenewDestination();
            pair.SourceProxy.CertificatesChanged();
            pair.DestinationProxy.CertificatesChanged();
        }

        await stop.CancelAsync();
        await Task.WhenAny(Task.WhenAll(clients));
        Assert.Empty(pair.Source.Failed);
        Assert.Empty(pair.Destination.Failed);
        Assert.All(await Task.WhenAll(clients), n => Assert.True(n > 0));
        Assert.All(pair.Source.Closed, c => Assert.Equal(ProxyFailure.None, c.End.Failure));
        Assert.InRange(pair.Source.Handshakes.Count, 10, 100);
        await stopEcho.CancelAsync();
        await echo;
    }

    [Fact]
    public async Task DrainLetsConnectionsEnd()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        Task<bool> drain = pair.DestinationProxy.DrainAsync(TimeSpan.FromSeconds(20));
        await SocketExtensions.EventuallyAsync(() =>
        {
            try
            {
                using Socket probe = new(SocketType.Stream, ProtocolType.Tcp);
                probe.Connect(ProxyPair.ToIp(pair.Tunnel));
                return false;
            }
            catch (SocketException)
            {
                return true;
            }
        });
        await client.SendAllAsync("bye"u8.ToArray());
        await server.ReceiveExactlyAsync(3);
        Assert.False(drain.IsCompleted);
        client.Dispose();
        server.Dispose();
        Assert.True(await drain);
    }

    [Fact]
    public async Task DrainResetsAtTheDeadline()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        Assert.False(await pair.DestinationProxy.DrainAsync(TimeSpan.FromMilliseconds(100)));
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        Assert.Equal(ProxyFailure.Draining, pair.Destination.Closed.Single().End.Failure);
    }

    [Fact]
    public async Task ABrokenTunnelResetsItsConnectionsAndTheNextOneGetsANewTunnel()
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await pair.DestinationProxy.DisposeAsync();
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await ExpectResetAsync(pair, ProxyFailure.ConnectRefused);
    }

    [Fact]
    public async Task AnIdleTunnelIsReleased()
    {
        await using ProxyPair pair = new(o => o with { TunnelIdleTimeout = TimeSpan.FromSeconds(1) });
        using Socket listener = Listen(pair);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        client.Dispose();
        server.Dispose();
        await SocketExtensions.EventuallyAsync(async () =>
            await CountAsync(pair.SourceProxy) == (0, 0) && (await pair.DestinationProxy.GetStatsAsync())[0].ServerTunnels == 0);
    }

    [Fact]
    public async Task TooManyConnectionsAreRefusedByName()
    {
        await using ProxyPair pair = new(o => o with { MaxConnections = 2 });
        using Socket listener = Listen(pair);

        // At the destination the tunnel itself takes one place.
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await ExpectResetAsync(pair, ProxyFailure.ConnectFailed);
        Assert.Equal(ProxyFailure.Overload, pair.Destination.Failed.Single().Failure);
        client.Dispose();
        server.Dispose();
    }

    internal static Socket Listen(ProxyPair pair)
    {
        Socket listener = pair.Listen();
        pair.RouteTo(((IPEndPoint)listener.LocalEndPoint!).Port);
        return listener;
    }

    internal static async Task EchoAsync(Socket listener, CancellationToken stop)
    {
        List<Task> connections = [];
        try
        {
            while (true) connections.Add(EchoOneAsync(await listener.AcceptAsync(stop)));
        }
        catch (OperationCanceledException)
        {
            await Task.WhenAll(connections);
        }
    }

    internal static async Task<(int Connections, int Tunnels)> CountAsync(ProxyServer proxy)
    {
        ProxyLoopStats[] stats = await proxy.GetStatsAsync();
        return (stats.Sum(s => s.Connections), stats.Sum(s => s.ClientTunnels));
    }

    private static async Task EchoOneAsync(Socket socket)
    {
        byte[] buffer = new byte[4096];
        int n;
        while ((n = await socket.ReceiveAsync(buffer.AsMemory())) > 0) await socket.SendAllAsync(buffer.AsMemory(0, n));
        socket.Dispose();
    }

    private static async Task ExpectResetAsync(ProxyPair pair, ProxyFailure failure)
    {
        int before = pair.Source.Failed.Count;
        SocketException exception = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket client = await pair.ConnectClientAsync();
            await client.ReceiveToEndAsync();
        });
        Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
        await SocketExtensions.EventuallyAsync(() => pair.Source.Failed.Count > before);
        Assert.Equal(failure, pair.Source.Failed.Last().Failure);
    }
}
