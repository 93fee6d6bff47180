using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>PROXY headers to applications and from load balancers, over real sockets.</summary>
public sealed class ProxyProtocolTests
{
    public static TheoryData<string, byte[]> GoodHeaders => new()
    {
        { "192.0.2.7:1234", Encoding.ASCII.GetBytes("PROXY TCP4 192.0.2.7 198.51.100.1 1234 443\r\n") },
        { "192.0.2.7:1234", V2(0x21, 0x11, [192, 0, 2, 7, 198, 51, 100, 1, 4, 210, 1, 187]) },
        { "192.0.2.7:1234", V2(0x21, 0x11, [192, 0, 2, 7, 198, 51, 100, 1, 4, 210, 1, 187, 0xEA, 0, 2, 1, 2, 4, 0, 0]) },
        { "", V2(0x20, 0x00, []) },
        { "", V2(0x20, 0x11, [1, 2, 3]) },
        { "", V2(0x21, 0x00, [9, 9]) },
        { "", V2(0x21, 0x31, new byte[216]) },
        { "", Encoding.ASCII.GetBytes("PROXY UNKNOWN\r\n") },
    };

    public static TheoryData<ProxyProtocolError, byte[]> BadHeaders => new()
    {
        { ProxyProtocolError.Signature, Encoding.ASCII.GetBytes("GET / HTTP/1.1\r\n\r\n") },
        { ProxyProtocolError.Version, V2(0x11, 0x11, new byte[12]) },
        { ProxyProtocolError.Command, V2(0x22, 0x11, new byte[12]) },
        { ProxyProtocolError.Family, V2(0x21, 0x41, new byte[12]) },
        { ProxyProtocolError.Family, V2(0x21, 0x12, [192, 0, 2, 7, 198, 51, 100, 1, 4, 210, 1, 187]) },
        { ProxyProtocolError.Length, V2(0x21, 0x21, new byte[12]) },
        { ProxyProtocolError.TooLong, V2(0x21, 0x11, new byte[5000]) },
        { ProxyProtocolError.Tlv, V2(0x21, 0x11, [192, 0, 2, 7, 198, 51, 100, 1, 4, 210, 1, 187, 2, 0, 9, 1]) },
        { ProxyProtocolError.Crc, V2(0x21, 0x11, [192, 0, 2, 7, 198, 51, 100, 1, 4, 210, 1, 187, 3, 0, 4, 1, 2, 3, 4]) },
        { ProxyProtocolError.Text, Encoding.ASCII.GetBytes("PROXY TCP4 192.0.2.007 198.51.100.1 1234 443\r\n") },
        { ProxyProtocolError.TooLong, Encoding.ASCII.GetBytes("PROXY TCP6 " + new string('1', 200)) },
        { ProxyProtocolError.NoAddress, V2(0x21, 0x11, [127, 0, 0, 1, 198, 51, 100, 1, 4, 210, 1, 187]) },
        { ProxyProtocolError.NoAddress, Encoding.ASCII.GetBytes("PROXY TCP6 ff02::1 2001:db8::1 1234 443\r\n") },
    };

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AnApplicationThatAsksGetsTheHeaderBeforeAnythingElse(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.Listen();
        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        ServiceInfo service = new() { Name = new("b", "web"), Vips = [pair.SourceAddress] };
        WorkloadInfo bob = pair.Destination.Local! with { ProxyProtocolPorts = [new((ushort)port, TransportProtocol.Tcp)] };
        (pair.Destination.Local, pair.Destination.Service) = (bob, service);
        SocketEndPoint target = new(pair.DestinationAddress, port);
        pair.Source.Neighbour = bob;
        pair.Source.Route = _ => tunnel ? OutboundRoute.Tunnel(pair.Tunnel, target, bob, service) : OutboundRoute.Local(target, bob, service);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        byte[] first = await ReadHeaderAsync(server); // nothing has been sent: a server that speaks first has it as well
        Assert.Equal(ProxyProtocolError.None, ProxyHeaderReader.Read(first, out ProxyHeader header));
        Assert.Equal(first.Length, header.Length);
        Assert.Equal(client.LocalEndPoint, ToIp(header.Source));
        Assert.Equal(pair.Entry, ToIp(header.Destination));
        Assert.Equal(ProxyPair.Alice, Text(header, ProxyTlvType.SpiffeId));
        Assert.Equal("web.b.svc", Text(header, ProxyTlvType.Authority));
        Assert.Equal(32, Text(header, ProxyTlvType.UniqueId)!.Length);
        await client.SendAllAsync("hello"u8.ToArray());
        Assert.Equal("hello", Encoding.ASCII.GetString(await server.ReceiveExactlyAsync(5)));
        client.Dispose();
        server.Dispose();
    }

    [Theory]
    [MemberData(nameof(GoodHeaders))]
    public async Task ALoadBalancersHeaderIsTakenOffAndItsClientCounts(string client, byte[] header)
    {
        foreach (bool tunnel in new[] { true, false })
        {
            await using ProxyPair pair = new();
            using Socket listener = Accepting(pair, tunnel);
            Socket balancer = await pair.ConnectClientAsync();

            // Byte by byte, the last together with what follows.
            for (int i = 0; i < header.Length - 1; i++) await balancer.SendAllAsync(header.AsMemory(i, 1).ToArray());
            await balancer.SendAllAsync((byte[])[.. header.AsSpan(header.Length - 1), .. "hello"u8]);
            using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
            Assert.Equal("hello", Encoding.ASCII.GetString(await server.ReceiveExactlyAsync(5)));
            FakeMesh evaluator = tunnel ? pair.Destination : pair.Source;
            await SocketExtensions.EventuallyAsync(() => !evaluator.Opened.IsEmpty);
            ProxyConnectionInfo info = Assert.Single(evaluator.Opened);
            Assert.Equal(client.Length == 0 ? balancer.LocalEndPoint!.ToString() : client, info.Source.ToString());
            Assert.Equal(ProxyPair.Alice, info.SourceIdentity?.ToString());
            balancer.Dispose();
        }
    }

    [Theory]
    [MemberData(nameof(BadHeaders))]
    public async Task ABadHeaderIsRefusedAndNamed(ProxyProtocolError error, byte[] header)
    {
        foreach (bool tunnel in new[] { true, false })
        {
            await using ProxyPair pair = new();
            using Socket listener = Accepting(pair, tunnel);
            using Socket balancer = await pair.ConnectClientAsync();
            await balancer.SendAllAsync(header);
            await ExpectRefusalAsync(tunnel ? pair.Destination : pair.Source, balancer, error);
        }
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AHeaderThatDoesNotComeInTimeOrNotWholeIsRefused(bool tunnel)
    {
        await using ProxyPair pair = new(o => o with { ProxyHeaderTimeout = TimeSpan.FromMilliseconds(200) });
        using Socket listener = Accepting(pair, tunnel);
        using Socket slow = await pair.ConnectClientAsync();
        await slow.SendAllAsync("PROXY TCP4"u8.ToArray());
        await ExpectRefusalAsync(tunnel ? pair.Destination : pair.Source, slow, ProxyProtocolError.Timeout);
        using Socket cut = await pair.ConnectClientAsync();
        await cut.SendAllAsync("PROXY TCP4"u8.ToArray());
        cut.Shutdown(SocketShutdown.Send);
        await ExpectRefusalAsync(tunnel ? pair.Destination : pair.Source, cut, ProxyProtocolError.Incomplete);
    }

    [Theory]
    [InlineData("tunnel", false)]
    [InlineData("tunnel", true)]
    [InlineData("local", false)]
    [InlineData("local", true)]
    [InlineData("outside", false)]
    [InlineData("outside", true)]
    public async Task ALoadBalancerThatGoesAwayBeforeItsHeaderIsCompleteIsToldApartFromABadHeader(string from, bool reset)
    {
        await using ProxyPair pair = new();
        using Socket listener = Accepting(pair, tunnel: from == "tunnel");
        if (from == "outside")
        {
            // The address it comes from is no workload's, the one that it connects to is one's of this node.
            pair.Source.Neighbour = pair.Destination.Local! with { Addresses = [pair.SourceAddress] };
            pair.Source.Local = null;
        }

        FakeMesh evaluator = from == "tunnel" ? pair.Destination : pair.Source;
        using Socket balancer = await pair.ConnectClientAsync();
        await balancer.SendAllAsync("PROXY TCP4"u8.ToArray());
        if (from == "tunnel") await SocketExtensions.EventuallyAsync(() => !pair.Source.Opened.IsEmpty);
        if (reset) balancer.Close(0);
        else balancer.Shutdown(SocketShutdown.Send);
        await SocketExtensions.EventuallyAsync(() => !evaluator.Failed.IsEmpty);
        (ProxyConnectionInfo info, ProxyFailure failure) = Assert.Single(evaluator.Failed);
        ProxyFailure gone = from == "tunnel" ? ProxyFailure.StreamReset : ProxyFailure.ApplicationReset;
        Assert.Equal(reset ? (gone, ProxyProtocolError.None) : (ProxyFailure.ProxyProtocol, ProxyProtocolError.Incomplete), (failure, info.HeaderError));
        Assert.Empty(evaluator.Opened);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AHeaderFromSomebodyWhoIsNotTrustedIsRefused(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = Accepting(pair, tunnel, "203.0.113.0/24");
        using Socket stranger = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            await stranger.ConnectAsync(pair.Entry);
        }
        catch (SocketException e)
        {
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode); // so soon that connecting saw it
        }

        await ExpectRefusalAsync(tunnel ? pair.Destination : pair.Source, stranger, ProxyProtocolError.Untrusted);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TrustThatIsWithdrawnEndsWhatItHasLetIn(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = Accepting(pair, tunnel);
        using Socket balancer = await pair.ConnectClientAsync();
        await balancer.SendAllAsync("PROXY TCP4 192.0.2.7 192.0.2.8 1234 80\r\nhello"u8.ToArray());
        using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        await server.ReceiveExactlyAsync(5);
        (FakeMesh evaluator, ProxyServer proxy) = tunnel ? (pair.Destination, pair.DestinationProxy) : (pair.Source, pair.SourceProxy);
        proxy.Revalidate();
        await balancer.SendAllAsync("still"u8.ToArray());
        await server.ReceiveExactlyAsync(5);

        pair.Destination.Local = pair.Source.Neighbour = pair.Destination.Local! with { TrustedProxies = [] };
        proxy.Revalidate();

        await balancer.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => evaluator.Closed.Count == 1);
        Assert.Equal(ProxyFailure.PolicyChanged, evaluator.Closed.Single().End.Failure);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AHeaderIsNotBelievedWhoseSendersTrustWasWithdrawnWhileItWasAwaited(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = Accepting(pair, tunnel);
        FakeMesh evaluator = tunnel ? pair.Destination : pair.Source;
        (Func<SocketEndPoint, OutboundRoute> route, bool isRouted) = (pair.Source.Route, false);
        pair.Source.Route = destination =>
        {
            Volatile.Write(ref isRouted, true);
            return route(destination);
        };
        using Socket balancer = await pair.ConnectClientAsync();
        await balancer.SendAllAsync("PROXY TCP4 192.0.2.7 "u8.ToArray());

        // On its own node it is awaited in the same turn in which the route is found; elsewhere when the stream is answered.
        await SocketExtensions.EventuallyAsync(() => tunnel ? pair.Source.Opened.Count == 1 : Volatile.Read(ref isRouted));
        await pair.SourceProxy.GetStatsAsync();
        pair.Destination.Local = pair.Source.Neighbour = pair.Destination.Local! with { TrustedProxies = [] };
        await balancer.SendAllAsync("192.0.2.8 1234 80\r\n"u8.ToArray());
        await SocketExtensions.EventuallyAsync(() => !evaluator.Failed.IsEmpty);
        (ProxyConnectionInfo info, ProxyFailure failure) = Assert.Single(evaluator.Failed);
        Assert.Equal((ProxyFailure.ProxyProtocol, ProxyProtocolError.Untrusted), (failure, info.HeaderError));
        Assert.False(listener.Poll(0, SelectMode.SelectRead));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task PolicyIsAskedAboutTheClientInTheHeader(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = Accepting(pair, tunnel);
        FakeMesh evaluator = tunnel ? pair.Destination : pair.Source;
        evaluator.Allowed = false;
        using Socket balancer = await pair.ConnectClientAsync();
        await balancer.SendAllAsync("PROXY TCP4 192.0.2.7 198.51.100.1 1234 443\r\n"u8.ToArray());
        await SocketExtensions.EventuallyAsync(() => !evaluator.Failed.IsEmpty);
        (ProxyConnectionInfo info, ProxyFailure failure) = Assert.Single(evaluator.Failed);
        Assert.Equal((ProxyFailure.PolicyDenied, "192.0.2.7:1234"), (failure, info.Source.ToString()));
    }

    [Fact]
    public async Task AHeaderIsPassedOnToAnApplicationThatWantsOne()
    {
        await using ProxyPair pair = new();
        using Socket listener = Accepting(pair, tunnel: false, wanted: true);
        using Socket balancer = await pair.ConnectClientAsync();
        await balancer.SendAllAsync("PROXY TCP6 2001:db8::7 2001:db8::1 1234 443\r\nhello"u8.ToArray());
        using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        byte[] first = await ReadHeaderAsync(server);
        Assert.Equal(ProxyProtocolError.None, ProxyHeaderReader.Read(first, out ProxyHeader header));
        Assert.Equal("[2001:db8::7]:1234 [2001:db8::1]:443", $"{ToIp(header.Source)} {ToIp(header.Destination)}");
        Assert.Equal(ProxyPair.Alice, Text(header, ProxyTlvType.SpiffeId));
        Assert.Equal("hello", Encoding.ASCII.GetString(await server.ReceiveExactlyAsync(5)));
    }

    // A listener behind a port that takes load balancers only: reached by a tunnel, or on the client's own node.
    private static Socket Accepting(ProxyPair pair, bool tunnel, string from = "127.0.0.0/8", bool wanted = false)
    {
        Socket listener = pair.Listen();
        SocketEndPoint target = new(pair.DestinationAddress, ((IPEndPoint)listener.LocalEndPoint!).Port);
        WorkloadInfo bob = pair.Destination.Local! with
        {
            TrustedProxies = [new([new(0, TransportProtocol.Tcp)], [IpPrefix.Parse(from)])],
            ProxyProtocolPorts = wanted ? [new(0, TransportProtocol.Tcp)] : [],
        };
        pair.Destination.Local = pair.Source.Neighbour = bob;
        pair.Source.Route = _ => tunnel ? OutboundRoute.Tunnel(pair.Tunnel, target, bob) : OutboundRoute.Local(target, bob);
        return listener;
    }

    private static async Task ExpectRefusalAsync(FakeMesh evaluator, Socket socket, ProxyProtocolError error)
    {
        byte[] buffer = new byte[1];
        try
        {
            Assert.Equal(0, await socket.ReceiveAsync(buffer).WaitAsync(TimeSpan.FromSeconds(10)));
        }
        catch (SocketException e)
        {
            Assert.Contains(e.SocketErrorCode, new[] { SocketError.ConnectionReset, SocketError.NotConnected });
        }

        await SocketExtensions.EventuallyAsync(() => !evaluator.Failed.IsEmpty);
        Assert.True(evaluator.Failed.TryDequeue(out var failed));
        Assert.Equal((ProxyFailure.ProxyProtocol, error), (failed.Failure, failed.Info.HeaderError));
        Assert.Empty(evaluator.Opened);
    }

    private static async Task<byte[]> ReadHeaderAsync(Socket socket)
    {
        byte[] start = await socket.ReceiveExactlyAsync(16);
        return [.. start, .. await socket.ReceiveExactlyAsync((start[14] << 8) | start[15])];
    }

    private static byte[] V2(byte command, byte family, byte[] rest) =>
        [0x0D, 0x0A, 0x0D, 0x0A, 0x00, 0x0D, 0x0A, 0x51, 0x55, 0x49, 0x54, 0x0A, command, family, (byte)(rest.Length >> 8), (byte)rest.Length, .. rest];

    private static string? Text(ProxyHeader header, byte type) => header.TryGetTlv(type, out ReadOnlySpan<byte> value) ? Encoding.ASCII.GetString(value) : null;

    private static IPEndPoint ToIp(ProxyEndPoint point) => ProxyPair.ToIp(new SocketEndPoint(point.High, point.Low, point.Port));
}
