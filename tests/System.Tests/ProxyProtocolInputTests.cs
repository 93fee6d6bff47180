using System.Collections.Concurrent;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Bad headers at a port that takes them: refused, counted by reason, the application sees nothing, others go on.</summary>
[Collection(ProxyProtocolCollection.Name)]
public sealed class ProxyProtocolInputTests(ProxyProtocolFixture mesh)
{
    private const string Signature = "0d0a0d0a000d0a515549540a";
    private const string Addresses = "0a5a00fb c6336401 04d2 01bb"; // 10.90.0.251:1234 to 198.51.100.1:443

    public static TheoryData<string, string> BadHeaders => new()
    {
        { "signature", Convert.ToHexString("GET / HTTP/1.1\r\n\r\n"u8) },
        { "signature", Signature[..22] + "0b2111000c" + Addresses },
        { "version", Signature + "1111000c" + Addresses },
        { "command", Signature + "2f11000c" + Addresses },
        { "family", Signature + "2151000c" + Addresses },
        { "family", Signature + "2113000c" + Addresses },
        { "family", Signature + "2112000c" + Addresses },
        { "length", Signature + "2121000c" + Addresses },
        { "too-long", Signature + "2111ffff" + Addresses },
        { "tlv", Signature + "21110010" + Addresses + "02 0005 61" },
        { "crc", Signature + "21110013" + Addresses + "03 0004 00000000" },
        { "no-address", Signature + "2111000c 7f000001 c6336401 04d2 01bb" },
        { "text", Convert.ToHexString("PROXY TCP4 10.90.0.251 198.51.100.1 01234 443\r\n"u8) },
        { "text", Convert.ToHexString("PROXY TCP4 fd90::251 198.51.100.1 1234 443\r\n"u8) },
        { "too-long", Convert.ToHexString(Encoding.ASCII.GetBytes("PROXY UNKNOWN " + new string('x', 120))) },
    };

    public static TheoryData<string> GoodHeaders =>
    [
        Signature + "20000000",
        Signature + "2011000c" + Addresses,
        Signature + "21000003 010203",
        Convert.ToHexString("PROXY UNKNOWN\r\n"u8),
    ];

    [Theory]
    [MemberData(nameof(BadHeaders))]
    public async Task A_bad_header_is_refused_and_counted(string reason, string hex)
    {
        var seen = new ConcurrentQueue<EndPoint>();
        await using var server = PeerServer.Start(mesh.Near, mesh.Near.Address4, socket => NoteAsync(socket, seen), ProxyProtocolFixture.Taking);
        using var steady = await OpenAsync(ProxyProtocolFixture.Balancer4);
        await PeerServer.SendAllAsync(steady, "PROXY UNKNOWN\r\nx"u8.ToArray());
        Assert.Equal(1, await steady.ReceiveAsync(new byte[1]));
        var before = await CountAsync(mesh.Node1, reason);

        using var bad = await OpenAsync(ProxyProtocolFixture.Balancer4);
        await PeerServer.SendAllAsync(bad, Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal)));
        await AssertClosedAsync(bad);

        await WaitForCountAsync(mesh.Node1, reason, before + 1);
        await mesh.Node1.WaitForFlowAsync("the reason", f => f.Source.Port == ((IPEndPoint)bad.LocalEndPoint!).Port && f.Reason == "proxy-protocol-" + reason);
        await PeerServer.SendAllAsync(steady, "y"u8.ToArray());
        Assert.Equal(1, await steady.ReceiveAsync(new byte[1]));
        Assert.Single(seen);
    }

    [Theory]
    [MemberData(nameof(GoodHeaders))]
    public async Task A_header_without_a_client_leaves_the_connections_own_addresses(string hex)
    {
        var seen = new ConcurrentQueue<EndPoint>();
        await using var server = PeerServer.Start(mesh.Near, mesh.Near.Address4, socket => NoteAsync(socket, seen), ProxyProtocolFixture.Taking);
        using var balancer = await OpenAsync(ProxyProtocolFixture.Balancer4);
        await PeerServer.SendAllAsync(balancer, Convert.FromHexString(hex.Replace(" ", "", StringComparison.Ordinal) + "78"));
        Assert.Equal(1, await balancer.ReceiveAsync(new byte[1]));
        Assert.Equal(balancer.LocalEndPoint, Assert.Single(seen));
    }

    [Fact]
    public async Task A_header_from_a_stranger_is_refused_and_counted()
    {
        var seen = new ConcurrentQueue<EndPoint>();
        await using var server = PeerServer.Start(mesh.Near, mesh.Near.Address4, socket => NoteAsync(socket, seen), ProxyProtocolFixture.Taking);
        var before = await CountAsync(mesh.Node1, "untrusted");
        try
        {
            using var stranger = await OpenAsync(ProxyProtocolFixture.Stranger4);
            await PeerServer.SendAllAsync(stranger, "PROXY TCP4 10.90.0.251 198.51.100.1 1234 443\r\nhello"u8.ToArray());
            await AssertClosedAsync(stranger);
        }
        catch (SocketException e)
        {
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode); // before there was time to send
        }

        await WaitForCountAsync(mesh.Node1, "untrusted", before + 1);
        Assert.Empty(seen);
    }

    [Fact]
    public async Task A_header_that_does_not_come_is_waited_for_as_long_as_a_lost_segment_takes()
    {
        var before = await CountAsync(mesh.Node1, "timeout");
        using var slow = await OpenAsync(ProxyProtocolFixture.Balancer4);
        await PeerServer.SendAllAsync(slow, "PROXY TCP4 "u8.ToArray());
        var start = TimeProvider.System.GetTimestamp();
        await AssertClosedAsync(slow);
        Assert.True(TimeProvider.System.GetElapsedTime(start) > TimeSpan.FromSeconds(3));
        await WaitForCountAsync(mesh.Node1, "timeout", before + 1);
    }

    [Fact]
    public async Task A_bad_header_out_of_a_tunnel_is_refused_and_counted_where_the_port_is()
    {
        var before = await CountAsync(mesh.Node2, "crc");
        using var bad = await ProxyProtocolFixture.ConnectAsync(mesh.Front, null, new IPEndPoint(mesh.Far.Address4, ProxyProtocolFixture.Taking));
        await PeerServer.SendAllAsync(bad, Convert.FromHexString((Signature + "21110013" + Addresses + "03000400000000").Replace(" ", "", StringComparison.Ordinal)));
        await AssertClosedAsync(bad);
        await WaitForCountAsync(mesh.Node2, "crc", before + 1);
    }

    private Task<Socket> OpenAsync(IPAddress source) =>
        ProxyProtocolFixture.ConnectAsync(mesh.External, source, new IPEndPoint(mesh.Near.Address4, ProxyProtocolFixture.Taking));

    private static async Task NoteAsync(Socket socket, ConcurrentQueue<EndPoint> seen)
    {
        seen.Enqueue(socket.RemoteEndPoint!);
        await PeerServer.EchoAsync(socket);
    }

    private static async Task AssertClosedAsync(Socket socket)
    {
        try
        {
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(15)));
        }
        catch (SocketException e)
        {
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
        }
    }

    // The peer may see its end before it is counted.
    private static Task WaitForCountAsync(MeshNode node, string reason, double count) => LabWait.UntilAsync(
        $"{reason} is counted {count} times", async () => await CountAsync(node, reason) == count, TimeSpan.FromSeconds(5));

    private static async Task<double> CountAsync(MeshNode node, string reason) =>
        (await node.MetricsAsync()).Sum("culvert_proxy_protocol_errors_total", string.Create(CultureInfo.InvariantCulture, $"reason=\"{reason}\""));
}
