using System.Net;
using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.Protocol.V1;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Sessions of the proxy that policy ends while an answer is under way: between nodes, and on one where the application wants PROXY headers.</summary>
[Collection(LinkAttackCollection.Name)]
[Trait("Category", "Attack")]
public sealed class UdpLateAnswerTests(LinkAttackFixture mesh)
{
    private const string Policy = "policy-late";
    private const byte Refused = 7;

    [Theory]
    [InlineData(true, TestFamily.IPv4)]
    [InlineData(true, TestFamily.IPv6)]
    [InlineData(false, TestFamily.IPv4)]
    [InlineData(false, TestFamily.IPv6)]
    public async Task An_answer_under_way_does_not_bring_a_refused_session_back(bool otherNode, TestFamily family)
    {
        var (node, app) = otherNode ? (mesh.Node2, "web") : (mesh.Node1, "behind");
        using var server = otherNode ? UdpPeer.Bind(mesh.Far, family) : UdpPeer.Bind(mesh.Behind, family, LinkAttackFixture.Asking);
        using var client = UdpPeer.Connect(mesh.Client, (IPEndPoint)server.LocalEndPoint!);
        var caller = (IPEndPoint)client.LocalEndPoint!;
        await AskAndAnswerAsync(server, client);

        for (var i = 0; i < 2; i++)
        {
            var (late, ended) = (await LateAsync(node), await EndedAsync(node, caller));
            mesh.Mesh.Objects.Write(Policy, Deny(app));
            try
            {
                await LabWait.UntilAsync("policy has ended the session", async () => await EndedAsync(node, caller) > ended, TimeSpan.FromSeconds(10), node.Agent);

                // The server may call the client, but this is what it says to a question from before; from another port, as TFTP does, too.
                using var other = UdpPeer.Bind(otherNode ? mesh.Far : mesh.Behind, family);
                await server.SendToAsync(new byte[1], caller);
                await other.SendToAsync(new byte[1], caller);
                await LabWait.UntilAsync($"{node.Name} has dropped the answers", async () => await LateAsync(node) == late + 2, TimeSpan.FromSeconds(10), node.Agent);
                var refused = await RefusedAsync();
                await client.SendAsync(new[] { Refused });
                await LabWait.UntilAsync("the question is refused", async () => await RefusedAsync() > refused, TimeSpan.FromSeconds(10), mesh.Node1.Agent);
                Assert.DoesNotContain(Refused, Take(server).LastBytes);
                Assert.Equal(0, client.Available);
            }
            finally
            {
                mesh.Mesh.Objects.Remove(Policy);
            }

            // What was kept of the session is in nobody's way.
            await AskAndAnswerAsync(server, client);
        }
    }

    private static string Deny(string app) => $$"""
        apiVersion: culvert.dev/v1alpha1
        kind: AuthorizationPolicy
        metadata: {name: late, namespace: {{MeshObjects.Namespace}}}
        spec:
          selector: {matchLabels: { app: {{app}} } }
          action: DENY
          rules: [{from: [{identities: ["{{MeshObjects.Identity("client")}}"]}]}]

        """;

    private static async Task<int> EndedAsync(MeshNode node, IPEndPoint caller) => (await node.FlowsAsync(new FlowFilter { Source = $"{caller.Address}", Protocol = TransportProtocol.Udp }))
        .Count(f => f.Source.Port == caller.Port && f.Event == FlowEvent.Closed && f.Reason == "policy-changed");

    private static async Task<double> LateAsync(MeshNode node) => (await node.MetricsAsync()).Sum("culvert_udp_dropped_total", "reason=\"late-answer\"");

    // The client's node forgets that it was refused when it hears of the change, which may be later than the other.
    private static async Task AskAndAnswerAsync(Socket server, Socket client)
    {
        await LabWait.UntilAsync(
            "the server is asked",
            async () =>
            {
                await client.SendAsync(new byte[1]);
                return server.Available > 0;
            },
            TimeSpan.FromSeconds(10));
        var asked = Take(server).From;
        Assert.Equal(client.LocalEndPoint, asked);
        await server.SendToAsync(new byte[1], asked);
        await client.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(10));
    }

    // All that has come; behind a header, where the application asks for one.
    private static (List<byte> LastBytes, EndPoint From) Take(Socket server)
    {
        EndPoint from = new IPEndPoint(server.AddressFamily == AddressFamily.InterNetwork ? IPAddress.Any : IPAddress.IPv6Any, 0);
        var buffer = new byte[1000];
        var taken = new List<byte>();
        while (server.Available > 0)
        {
            taken.Add(buffer[server.ReceiveFrom(buffer, ref from) - 1]);
        }

        return (taken, from);
    }

    private async Task<double> RefusedAsync() => (await mesh.Node1.MetricsAsync()).Sum("culvert_udp_dropped_total", "reason=\"session-refused\"");
}
