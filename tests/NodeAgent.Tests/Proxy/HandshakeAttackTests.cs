using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Peers that connect to the tunnel port and keep the proxy waiting: they cost others nothing.</summary>
[Trait("Category", "Attack")]
public sealed class HandshakeAttackTests
{
    // The record that a ClientHello of 512 bytes begins with.
    private static readonly byte[] RecordStart = [22, 3, 1, 2, 0, 1];

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SilentPeersTakeNoPlaceFromHonestOnes(bool ipv6)
    {
        await using ProxyPair pair = new(Small, ipv6);
        await AttackAsync(pair, async (attacker, _) => await ConnectAsync(pair, attacker));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task PeersThatDribbleTakeNoPlaceFromHonestOnes(bool ipv6)
    {
        await using ProxyPair pair = new(Small, ipv6);
        await AttackAsync(pair, async (attacker, n) =>
        {
            Socket socket = await ConnectAsync(pair, attacker);
            await SocketExtensions.UnlessResetAsync(() => socket.SendAllAsync(RecordStart.AsMemory(0, 1 + (n % RecordStart.Length))));
            return socket;
        });
    }

    [Fact]
    public async Task PeersThatStopAfterTheirFirstRecordAreCutOffInTime()
    {
        await using ProxyPair pair = new(o => o with { PeerHandshakeTimeout = TimeSpan.FromMilliseconds(300) });
        using Socket socket = await ConnectAsync(pair, 1);
        await socket.SendAllAsync(ClientHello());
        await socket.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => !pair.Destination.Handshakes.IsEmpty);
        Assert.Equal(ProxyFailure.TlsTimeout, pair.Destination.Handshakes.Single().Handshake.Failure);
    }

    [Fact]
    public async Task OneAddressThatSpeaksHasItsShareAndOthersTheirs()
    {
        await using ProxyPair pair = new(o => Small(o) with { PeerHandshakeTimeout = TimeSpan.FromMinutes(1) });
        List<Socket> sockets = [];
        for (int i = 0; i < 16; i++)
        {
            Socket socket = await ConnectAsync(pair, 1);
            await socket.SendAllAsync(ClientHello());
            sockets.Add(socket);

            // Its answer: the proxy has seen the first record.
            Assert.Single(await socket.ReceiveExactlyAsync(1));
        }

        using Socket refused = await ConnectAsync(pair, 1);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Handshakes.Count == 1);
        Assert.Equal(ProxyFailure.Overload, pair.Destination.Handshakes.Single().Handshake.Failure);
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await ExchangeAsync(client, server);
        sockets.AddRange([client, server]);
        sockets.ForEach(s => s.Dispose());
    }

    [Fact]
    public void FailuresOfManyAddressesAreLoggedALittle()
    {
        ManualClock time = new();
        LogThrottle<SocketEndPoint> log = new(time, TimeSpan.FromSeconds(30));
        ThrottledLine[] lines = [.. Enumerable.Range(1, 20_000).Select(i => log.Next(new SocketEndPoint(new IPAddress(i), 0)))];
        Assert.Equal(LogThrottle<SocketEndPoint>.MaxLines, lines.Count(l => l.Log));
        Assert.True(Assert.Single(lines, l => l.IsLast).Log);
        time.Advance(TimeSpan.FromSeconds(30));
        Assert.True(log.Next(new SocketEndPoint(IPAddress.Loopback, 0)).Log);
    }

    // Few places: before there were such, 1,000 silent peers took all there were for connections.
    private static ProxyOptions Small(ProxyOptions options) =>
        options with { MaxConnections = 200, MaxHandshakes = 64, MaxHandshakesPerSource = 16, StreamsPerTunnel = 1, PeerHandshakeTimeout = TimeSpan.FromMinutes(1) };

    private static async Task AttackAsync(ProxyPair pair, Func<int, int, Task<Socket>> attackAsync)
    {
        using Socket listener = pair.ListenByTunnel();
        List<Socket> sockets = [];
        List<(Socket Client, Socket Server)> honest = [];
        for (int i = 0; i < 1000; i++)
        {
            sockets.Add(await attackAsync(i % 250, i));

            // StreamsPerTunnel is 1: a new tunnel with a handshake of its own.
            if (i % 20 == 0) honest.Add(await pair.ConnectAsync(listener));
        }

        foreach ((Socket client, Socket server) in honest) await ExchangeAsync(client, server);

        ProxyLoopStats[] stats = await pair.DestinationProxy.GetStatsAsync();
        Assert.InRange(stats.Sum(s => s.Handshakes), 1, 64);
        Assert.Empty(pair.Source.Failed);
        Assert.Equal(50, pair.Destination.Handshakes.Count(h => h.Handshake.Failure == ProxyFailure.None));
        Assert.InRange(pair.Destination.Handshakes.Count(h => h.Log), 0, LogThrottle<SocketEndPoint>.MaxLines);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Handshakes.Count(h => h.Handshake.Failure == ProxyFailure.CrowdedOut) >= 900);
        sockets.AddRange(honest.SelectMany(h => new[] { h.Client, h.Server }));
        sockets.ForEach(s => s.Dispose());
    }

    private static async Task ExchangeAsync(Socket client, Socket server)
    {
        await client.SendAllAsync(RecordStart);
        Assert.Equal(RecordStart, await server.ReceiveExactlyAsync(RecordStart.Length));
    }

    private static async Task<Socket> ConnectAsync(ProxyPair pair, int attacker)
    {
        Socket socket = new(pair.DestinationAddress.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        if (pair.DestinationAddress.AddressFamily == AddressFamily.InterNetwork) socket.Bind(new IPEndPoint(IPAddress.Parse($"127.99.1.{attacker + 1}"), 0));
        await SocketExtensions.UnlessResetAsync(() => socket.ConnectAsync(ProxyPair.ToIp(pair.Tunnel)));
        return socket;
    }

    // What this machine's own TLS would begin with.
    private static byte[] ClientHello()
    {
        using TestAuthority authority = new();
        using SocketPair pair = new();
        using Culvert.Interop.Tls.TlsContext context = authority.Context(server: false, authority.Issue(ProxyPair.Alice));
        using Culvert.Interop.Tls.TlsConnection tls = Culvert.Interop.Tls.TlsConnection.Create(context, pair.First);
        tls.Handshake();
        byte[] buffer = new byte[4096];
        IoResult received;
        while ((received = pair.Second.Receive(buffer)).WouldBlock) Thread.Yield();
        return buffer[..received.Count];
    }
}
