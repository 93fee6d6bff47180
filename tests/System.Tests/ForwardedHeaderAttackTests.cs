using System.Net;
using System.Threading.Channels;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>A tunnel peer with a certificate of the mesh names, in the <c>forwarded</c> header of its requests, client addresses that are not its identity's.</summary>
[Collection(LinkAttackCollection.Name)]
[Trait("Category", "Attack")]
public sealed class ForwardedHeaderAttackTests(LinkAttackFixture mesh) : IAsyncLifetime
{
    private const string Policy = "by-address";
    private static readonly TimeSpan Day = TimeSpan.FromDays(1);

    // Addresses outside the mesh that policy lets in.
    private static readonly IPAddress Trusted4 = IPAddress.Parse("192.0.2.7");
    private static readonly IPAddress Trusted6 = IPAddress.Parse("2001:db8::7");

    public async ValueTask InitializeAsync()
    {
        mesh.Mesh.Objects.Write(Policy, $$"""
            apiVersion: culvert.dev/v1alpha1
            kind: AuthorizationPolicy
            metadata:
              name: {{Policy}}
              namespace: {{MeshObjects.Namespace}}
            spec:
              selector:
                matchLabels:
                  app: web
              action: ALLOW
              rules:
                - from:
                    - ipBlocks: ["{{Trusted4}}/32", "{{Trusted6}}/128", "{{mesh.Client.Address4}}/32", "{{mesh.Client.Address6}}/128", "{{mesh.Open.Address4}}/32", "{{mesh.Open.Address6}}/128"]
            """);
        await WaitAsync(present: true);
    }

    public async ValueTask DisposeAsync()
    {
        mesh.Mesh.Objects.Remove(Policy);
        await WaitAsync(present: false);
    }

    [Theory]
    [InlineData(TestFamily.IPv4, false)]
    [InlineData(TestFamily.IPv4, true)]
    [InlineData(TestFamily.IPv6, false)]
    [InlineData(TestFamily.IPv6, true)]
    public async Task Attack_a_client_address_that_is_not_the_peers_passes_no_policy_by_address(TestFamily family, bool udp)
    {
        var far = MeshFixture.AddressOf(mesh.Far, family);
        await using var server = PeerServer.Start(mesh.Far, far, PeerServer.EchoAsync);
        await using var datagrams = UdpPeer.StartEcho(mesh.Far, family);
        await using var requests = mesh.StartRequests(server);
        var port = udp ? datagrams.EndPoint.Port : server.EndPoint.Port;
        string guest = Issue(MeshObjects.Identity("guest")), open = Issue(MeshObjects.Identity("open"));

        foreach (var named in new[] { family == TestFamily.IPv4 ? Trusted4 : Trusted6, MeshFixture.AddressOf(mesh.Client, family), MeshFixture.AddressOf(mesh.Open, family) })
        {
            Assert.Equal(401, await TunnelClient.ConnectAsync(mesh.External, far, port, guest, new IPEndPoint(named, 40_000), udp));
        }

        // The address counts for the identity that has it, and is what lets it in.
        Assert.Equal(200, await TunnelClient.ConnectAsync(mesh.External, far, port, open, new IPEndPoint(MeshFixture.AddressOf(mesh.Open, family), 40_000), udp));
        Assert.Equal(401, await TunnelClient.ConnectAsync(mesh.External, far, port, open, null, udp));
        await requests.MoreAsync(5);
        await requests.StopAsync();
        Assert.Empty(requests.Failures);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Attack_an_application_and_the_flow_log_see_no_forged_client_address(TestFamily family)
    {
        var far = MeshFixture.AddressOf(mesh.Far, family);
        var begun = TimeProvider.System.GetUtcNow();
        var seen = Channel.CreateUnbounded<IPEndPoint>();
        await using var server = PeerServer.Start(mesh.Far, far, socket => seen.Writer.WriteAsync((IPEndPoint)socket.RemoteEndPoint!).AsTask());
        var client = Issue(MeshObjects.Identity("client"));
        var own = new IPEndPoint(MeshFixture.AddressOf(mesh.Client, family), 40_000);
        var external = MeshFixture.AddressOf(mesh.External, family);

        foreach (var forged in new[] { MeshFixture.AddressOf(mesh.Guest, family), far, family == TestFamily.IPv4 ? Trusted4 : Trusted6 })
        {
            Assert.Equal(200, await TunnelClient.ConnectAsync(mesh.External, far, server.EndPoint.Port, client, new IPEndPoint(forged, 40_000)));
            Assert.Equal(external, (await seen.Reader.ReadAsync()).Address);
        }

        await mesh.Node2.WaitForFlowAsync("the peer's own address", f => IsTo(f, server.EndPoint, begun) && new IPAddress(f.Source.Address.Span).Equals(external));
        Assert.DoesNotContain(await mesh.Node2.FlowsAsync(), f => IsTo(f, server.EndPoint, begun) && !new IPAddress(f.Source.Address.Span).Equals(external));

        Assert.Equal(200, await TunnelClient.ConnectAsync(mesh.External, far, server.EndPoint.Port, client, own));
        Assert.Equal(own, await seen.Reader.ReadAsync());
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task Attack_a_peer_elsewhere_does_not_speak_for_a_pod_of_the_receiving_node(TestFamily family)
    {
        var begun = TimeProvider.System.GetUtcNow();

        // Two pods with one identity, one on each node: answers to the forged one would enter the other pod of the receiving node.
        IPEndPoint here = new(MeshFixture.AddressOf(mesh.Near, family), 40_000), elsewhere = new(MeshFixture.AddressOf(mesh.Far, family), 40_000);
        var open = MeshFixture.AddressOf(mesh.Open, family);
        var seen = Channel.CreateUnbounded<IPEndPoint>();
        await using var server = PeerServer.Start(mesh.Open, open, socket => seen.Writer.WriteAsync((IPEndPoint)socket.RemoteEndPoint!).AsTask());
        await using var datagrams = UdpPeer.StartEcho(mesh.Open, family);
        var web = Issue(MeshObjects.Identity("web"));

        Assert.Equal(200, await TunnelClient.ConnectAsync(mesh.External, open, server.EndPoint.Port, web, here));
        Assert.Equal(MeshFixture.AddressOf(mesh.External, family), (await seen.Reader.ReadAsync()).Address);
        Assert.Equal(200, await TunnelClient.ConnectAsync(mesh.External, open, datagrams.EndPoint.Port, web, here, udp: true));
        Assert.DoesNotContain(await mesh.Node1.FlowsAsync(), f => IsTo(f, datagrams.EndPoint, begun) && new IPAddress(f.Source.Address.Span).Equals(here.Address));

        Assert.Equal(200, await TunnelClient.ConnectAsync(mesh.External, open, server.EndPoint.Port, web, elsewhere));
        Assert.Equal(elsewhere, await seen.Reader.ReadAsync());
    }

    [Theory]
    [InlineData("culvert/node/node1")]
    [InlineData("culvert/node/node2")]
    [InlineData("culvert/controller")]
    public async Task Attack_a_nodes_certificate_speaks_for_no_address_at_all(string name)
    {
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, PeerServer.EchoAsync);
        var stolen = Issue($"spiffe://{MeshObjects.TrustDomain}/{name}");
        var refused = await FailuresAsync();

        Assert.Equal(0, await AskAsync());

        Assert.True(await FailuresAsync() > refused);

        async Task<int> AskAsync()
        {
            try
            {
                return await TunnelClient.ConnectAsync(mesh.Node1.Place, mesh.Far.Address4, server.EndPoint.Port, stolen, new IPEndPoint(mesh.Client.Address4, 40_000));
            }
            catch (IOException)
            {
                return 0; // refused in the handshake
            }
        }
    }

    // A server of a test before may have had the port.
    private static bool IsTo(Flow flow, IPEndPoint server, DateTimeOffset begun) =>
        flow.Time.ToDateTimeOffset() >= begun && flow.Destination.Port == server.Port && new IPAddress(flow.Destination.Address.Span).Equals(server.Address);

    private string Issue(string identity) => TestAuthority.Of(mesh.Mesh).Issue(mesh.Mesh.Lab.Folder, identity, -Day, Day);

    private async Task<double> FailuresAsync()
    {
        var metrics = await mesh.Node2.MetricsAsync();
        return metrics.Sum("culvert_tls_handshakes_total", "side=\"server\"") - metrics.Sum("culvert_tls_handshakes_total", "side=\"server\"", "result=\"ok\"");
    }

    private Task WaitAsync(bool present) =>
        SavedSnapshot.WaitAsync(mesh.Node2, $"the policy by address {(present ? "holds" : "is gone")}", resources => present == resources.Any(r => r.Policy?.Name == Policy));
}
