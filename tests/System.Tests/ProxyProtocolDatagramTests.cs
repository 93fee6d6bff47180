using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>PROXY headers in front of datagrams: unbound gets them, dnsdist sends them.</summary>
[Collection(ProxyProtocolCollection.Name)]
public sealed class ProxyProtocolDatagramTests(ProxyProtocolFixture mesh)
{
    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task A_DNS_server_that_wants_headers_understands_those_of_clients_in_the_mesh(TestPath path, TestFamily family)
    {
        var pod = mesh.Pod(path);
        foreach (var tcp in new[] { false, true })
        {
            foreach (var server in new[] { new IPEndPoint(ProxyProtocolFixture.Vip(pod, family, 53), 53), new IPEndPoint(MeshFixture.AddressOf(pod, family), DatagramPeers.Asking) })
            {
                var name = await DatagramPeers.AskAsync(mesh.Client, null, server, tcp);
                Assert.Equal(MeshFixture.AddressOf(mesh.Client, family), await DatagramPeers.ClientOfAsync(pod, name));
            }
        }
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task A_DNS_server_that_wants_headers_understands_those_of_clients_outside_the_mesh(TestPath path, TestFamily family)
    {
        var pod = mesh.Pod(path);
        var source = External(family);
        var name = await DatagramPeers.AskAsync(mesh.External, source, new IPEndPoint(MeshFixture.AddressOf(pod, family), DatagramPeers.Asking));
        Assert.Equal(source, await DatagramPeers.ClientOfAsync(pod, name));
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task Clients_of_a_load_balancer_outside_the_mesh_are_the_sources(TestPath path, TestFamily family)
    {
        var pod = mesh.Pod(path);
        var port = DatagramPeers.Port(path == TestPath.Direct ? 0 : 1, family == TestFamily.IPv6);
        var balancer = family == TestFamily.IPv4 ? ProxyProtocolFixture.Balancer4 : ProxyProtocolFixture.Balancer6;
        foreach (var source in family == TestFamily.IPv4 ? new[] { ProxyProtocolFixture.Client4, ProxyProtocolFixture.Stranger4 } : [ProxyProtocolFixture.Client6])
        {
            var name = await DatagramPeers.AskAsync(mesh.External, source, new IPEndPoint(balancer, port));
            Assert.Equal(source, await DatagramPeers.ClientOfAsync(pod, name));
        }
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task Clients_of_a_load_balancer_in_the_mesh_are_the_sources(TestPath path, TestFamily family)
    {
        var pod = mesh.Pod(path);
        var port = DatagramPeers.Port(path == TestPath.Direct ? 0 : 1, family == TestFamily.IPv6);
        var name = await DatagramPeers.AskAsync(mesh.Client, null, new IPEndPoint(MeshFixture.AddressOf(mesh.Front, family), port));
        Assert.Equal(MeshFixture.AddressOf(mesh.Client, family), await DatagramPeers.ClientOfAsync(pod, name));
        var evaluator = path == TestPath.Direct ? mesh.Node1 : mesh.Node2;
        await evaluator.WaitForFlowAsync("the flow", f => f.Protocol == Protocol.V1.TransportProtocol.Udp && f.Source.Identity == MeshObjects.Identity("front")
            && f.Source.Address.Span.SequenceEqual(MeshFixture.AddressOf(mesh.Client, family).GetAddressBytes()));
    }

    [Fact]
    public async Task Bad_datagrams_are_refused_and_counted_and_others_go_on()
    {
        var (signature, untrusted) = (await CountAsync("signature"), await CountAsync("untrusted"));
        var target = new IPEndPoint(mesh.Near.Address4, DatagramPeers.Taking);
        using (var balancer = Bind(ProxyProtocolFixture.Balancer4))
        using (var stranger = Bind(ProxyProtocolFixture.Stranger4))
        {
            await balancer.SendToAsync("no header"u8.ToArray(), target);
            await stranger.SendToAsync(Convert.FromHexString("0d0a0d0a000d0a515549540a2112000c0a5a00fbc633640104d20035"), target);
        }

        await LabWait.UntilAsync(
            "both are counted", async () => await CountAsync("signature") == signature + 1 && await CountAsync("untrusted") == untrusted + 1, TimeSpan.FromSeconds(5));
        await DatagramPeers.AskAsync(mesh.External, ProxyProtocolFixture.Client4, new IPEndPoint(ProxyProtocolFixture.Balancer4, DatagramPeers.Port(0, ipv6: false)));
    }

    private static IPAddress External(TestFamily family) => family == TestFamily.IPv4 ? ProxyProtocolFixture.Client4 : ProxyProtocolFixture.Client6;

    private Socket Bind(IPAddress address)
    {
        using var place = NetworkNamespace.OpenPath(mesh.External.NamespacePath);
        var socket = place.Run(() => new Socket(address.AddressFamily, SocketType.Dgram, ProtocolType.Udp));
        socket.Bind(new IPEndPoint(address, 0));
        return socket;
    }

    private async Task<double> CountAsync(string reason) =>
        (await mesh.Node1.MetricsAsync()).Sum("culvert_proxy_protocol_errors_total", string.Create(CultureInfo.InvariantCulture, $"reason=\"{reason}\""));
}
