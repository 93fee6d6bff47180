using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>What the network says about datagrams (ICMP) reaches whoever sent them.</summary>
[Collection(MeshCollection.Name)]
public class UdpErrorTests(MeshFixture mesh)
{
    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task A_closed_port_is_reported_to_the_client(TestPath path, TestFamily family)
    {
        using var client = UdpPeer.Connect(mesh.Client, ClosedPort(mesh.Server(path, family).Pod, family));
        Assert.Equal(SocketError.ConnectionRefused, await ErrorAsync(client, 1));
    }

    [Theory]
    [InlineData("10.98.44.1", 53)]
    [InlineData("fd98:44::1", 53)]
    [InlineData("10.98.44.1", 54)]
    [InlineData("fd98:44::1", 54)]
    public async Task A_Service_without_endpoints_or_without_the_port_is_reported_as_a_closed_port(string address, int port)
    {
        const string Sent = "culvert_datapath_unreachable_sent_total";
        mesh.Mesh.Objects.Write("empty", $$"""
            apiVersion: v1
            kind: Service
            metadata: {name: empty, namespace: {{MeshObjects.Namespace}}}
            spec:
              clusterIP: 10.98.44.1
              clusterIPs: [10.98.44.1, "fd98:44::1"]
              selector: {app: no-such-app}
              ports: [{port: 53, protocol: UDP}]

            """);
        try
        {
            await mesh.Node1.WaitForServiceAsync("empty");
            var before = (await mesh.Node1.MetricsAsync()).Sum(Sent);
            using var client = UdpPeer.Connect(mesh.Client, new IPEndPoint(IPAddress.Parse(address), port));

            Assert.Equal(SocketError.ConnectionRefused, await ErrorAsync(client, 1));
            Assert.Equal(before + 1, (await mesh.Node1.MetricsAsync()).Sum(Sent));
        }
        finally
        {
            mesh.Mesh.Objects.Remove("empty");
            await mesh.Node1.WaitForServiceAsync("empty", present: false);
        }
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task A_closed_port_on_another_node_is_counted_there_and_takes_datagrams_as_soon_as_it_opens(TestFamily family)
    {
        var closed = ClosedPort(mesh.Far, family);
        using var client = UdpPeer.Connect(mesh.Client, closed);
        var before = (await mesh.Node2.MetricsAsync()).Sum("culvert_udp_port_unreachable_total");
        Assert.Equal(SocketError.ConnectionRefused, await ErrorAsync(client, 1));
        await LabWait.UntilAsync(
            "the refusal is counted", async () => (await mesh.Node2.MetricsAsync()).Sum("culvert_udp_port_unreachable_total") > before, TimeSpan.FromSeconds(5));

        await using var echo = UdpPeer.StartEcho(mesh.Far, family, closed.Port);
        await UdpPeer.ExchangeAsync(client, [2]);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task A_router_s_path_MTU_reaches_the_application(TestFamily family)
    {
        // A pod outside the mesh on the other node, and that node a router to a narrow link.
        var external = await ExternalAsync();
        var address = MeshFixture.AddressOf(external, family);
        await mesh.Node2.Place.ScriptAsync($"ip route replace {address} dev {external.HostInterface} mtu lock 1300");
        await using var echo = UdpPeer.StartEcho(external, family);
        using var client = UdpPeer.Connect(mesh.Client, echo.EndPoint);
        await UdpPeer.ExchangeAsync(client, new byte[1200]);
        var (level, discover, mtu) = family == TestFamily.IPv4 ? (0, 10, 14) : (41, 23, 24); // IP_MTU_DISCOVER, IP_MTU and the same of IPv6
        client.SetRawSocketOption(level, discover, BitConverter.GetBytes(2)); // never cut a datagram

        Assert.Equal(SocketError.MessageSize, await ErrorAsync(client, 1400));
        var known = new byte[4];
        client.GetRawSocketOption(level, mtu, known);
        Assert.Equal(1300, BitConverter.ToInt32(known));
        await UdpPeer.ExchangeAsync(client, new byte[1300 - (family == TestFamily.IPv4 ? 28 : 48)]);
    }

    // One for each mesh that these tests run on.
    private async Task<LabPod> ExternalAsync() => mesh.Outside ??= await mesh.Mesh.Lab.AddPodAsync(mesh.Node2.Place, "outside");

    private static IPEndPoint ClosedPort(LabPod pod, TestFamily family)
    {
        using var gone = UdpPeer.Bind(pod, family);
        return (IPEndPoint)gone.LocalEndPoint!;
    }

    private static async Task<SocketError> ErrorAsync(Socket client, int size)
    {
        using var deadline = new CancellationTokenSource(TimeSpan.FromSeconds(5) * LabWait.Patience);
        await client.SendAsync(new byte[size], deadline.Token);
        return (await Assert.ThrowsAsync<SocketException>(async () => await client.ReceiveAsync(new byte[65_536], deadline.Token))).SocketErrorCode;
    }
}
