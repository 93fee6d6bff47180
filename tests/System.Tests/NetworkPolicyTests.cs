using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>NetworkPolicies on live traffic: what they refuse is refused on every path, when it begins and in its midst, and comes back when they are gone.</summary>
[Collection(MeshCollection.Name)]
public class NetworkPolicyTests(MeshFixture mesh) : IAsyncLifetime
{
    private const string Object = "network-policy";
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        mesh.Mesh.Objects.Remove(Object);
        await WaitForPoliciesAsync(0);
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task What_no_policy_of_the_destination_allows_ends_and_does_not_begin(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        await using var server = PeerServer.Start(pod, address, PeerServer.EchoAsync);
        using var client = await ExchangeAsync(server);

        await ApplyAsync(Policy("web", "Ingress", "ingress: [{from: [{podSelector: {matchLabels: {app: guest}}}]}]"));
        Assert.True(await IsEndedAsync(client), "the connection still stands");
        await AssertRefusedAsync(server.EndPoint);

        await ApplyAsync(Policy("web", "Ingress", $"ingress: [{{from: [{{podSelector: {{matchLabels: {{app: client}}}}}}], ports: [{{port: {server.EndPoint.Port - 1}, endPort: {server.EndPoint.Port}}}]}}]"));
        using var again = await ExchangeAsync(server);
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task What_no_policy_of_the_source_allows_ends_and_does_not_begin(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        await using var server = PeerServer.Start(pod, address, PeerServer.EchoAsync);
        using var client = await ExchangeAsync(server);

        await ApplyAsync(Policy("client", "Egress", "egress: [{to: [{podSelector: {matchLabels: {app: guest}}}]}]"));
        Assert.True(await IsEndedAsync(client), "the connection still stands");
        await AssertRefusedAsync(server.EndPoint);

        await ApplyAsync(Policy("client", "Egress", $"egress: [{{to: [{{ipBlock: {{cidr: {address}/{(family == TestFamily.IPv4 ? 32 : 128)}}}}}]}}]"));
        using var again = await ExchangeAsync(server);
    }

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task What_leaves_the_mesh_must_be_allowed_to(TestFamily family)
    {
        await using var server = PeerServer.Start(mesh.Node2.Place, MeshFixture.AddressOf(mesh.Node2.Place, family), PeerServer.EchoAsync);
        using var client = await ExchangeAsync(server);

        await ApplyAsync(Policy("client", "Egress", "egress: []"));
        await PeerServer.SendAllAsync(client, new byte[1]);
        Assert.True(await IsEndedAsync(client), "the connection still stands");
        await AssertRefusedAsync(server.EndPoint);
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task Datagrams_that_no_policy_of_the_source_allows_are_dropped(TestPath path, TestFamily family)
    {
        var (pod, _) = mesh.Server(path, family);
        using var server = UdpPeer.Bind(pod, family);
        using var client = UdpPeer.Connect(mesh.Client, (IPEndPoint)server.LocalEndPoint!);
        await client.SendAsync(new byte[1]);
        await server.ReceiveAsync(new byte[1]).WaitAsync(Deadline);

        await ApplyAsync(Policy("client", "Egress", "egress: [{ports: [{port: 1, protocol: UDP}]}]"));
        var before = await LinkAttackFixture.DropsAsync(mesh.Node1, "network-policy-egress");
        await client.SendAsync(new byte[1]);
        await LinkAttackFixture.WaitForDropsAsync(mesh.Node1, "network-policy-egress", before + 1);
        Assert.Equal(0, server.Available);
    }

    private static string Policy(string app, string type, string rules) => $$$"""
        apiVersion: networking.k8s.io/v1
        kind: NetworkPolicy
        metadata: {name: isolate, namespace: demo}
        spec:
          podSelector: {matchLabels: {app: {{{app}}}}}
          policyTypes: [{{{type}}}]
          {{{rules}}}
        """;

    private async Task ApplyAsync(string policy)
    {
        mesh.Mesh.Objects.Remove(Object);
        await WaitForPoliciesAsync(0);
        mesh.Mesh.Objects.Write(Object, policy);

        // Only the nodes of those that it selects are told of it: there is a web on each, the client on one.
        await WaitForPoliciesAsync(1, policy.Contains("app: web", StringComparison.Ordinal) ? 2 : 1);
    }

    private async Task WaitForPoliciesAsync(int count, int nodes = 2)
    {
        foreach (var node in mesh.Mesh.Nodes.Take(nodes))
            await SavedSnapshot.WaitAsync(node, $"{count} NetworkPolicies are in force", resources => resources.Count(r => r.NetworkPolicy is not null) == count);
    }

    private async Task<Socket> ExchangeAsync(PeerServer server)
    {
        Socket? open = null;
        await LabWait.UntilAsync("the server answers", async () => (open = await TryExchangeAsync(server.EndPoint)) is not null, Deadline);
        return open!;
    }

    private async Task AssertRefusedAsync(IPEndPoint server)
    {
        using var refused = await TryExchangeAsync(server);
        Assert.Null(refused);
    }

    private async Task<Socket?> TryExchangeAsync(IPEndPoint server)
    {
        try
        {
            var client = await PeerServer.ConnectAsync(mesh.Client, server);
            await PeerServer.SendAllAsync(client, new byte[1]);
            return await client.ReceiveAsync(new byte[1]).WaitAsync(Deadline) == 1 ? client : null;
        }
        catch (SocketException)
        {
            return null;
        }
    }

    private static async Task<bool> IsEndedAsync(Socket client)
    {
        try
        {
            return await client.ReceiveAsync(new byte[1]).WaitAsync(Deadline) == 0;
        }
        catch (SocketException e)
        {
            return e.SocketErrorCode == SocketError.ConnectionReset;
        }
    }
}
