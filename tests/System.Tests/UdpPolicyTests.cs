using System.Net;
using System.Net.Sockets;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Sessions of datagrams, which never end by themselves, when policy changes.</summary>
[Collection(MeshCollection.Name)]
[Trait("Category", "Attack")]
public sealed class UdpPolicyTests(MeshFixture mesh)
{
    private const string Reason = "policy-no-allow";

    [Theory]
    [InlineData(TestFamily.IPv4)]
    [InlineData(TestFamily.IPv6)]
    public async Task An_answer_under_way_does_not_bring_a_refused_session_back(TestFamily family)
    {
        using var server = UdpPeer.Bind(mesh.Near, family);
        using var client = UdpPeer.Connect(mesh.Client, (IPEndPoint)server.LocalEndPoint!);
        var caller = client.LocalEndPoint!;
        await client.SendAsync(new byte[1]);
        await server.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(10));
        await server.SendToAsync(new byte[1], caller);
        await client.ReceiveAsync(new byte[1]).WaitAsync(TimeSpan.FromSeconds(10));

        mesh.Mesh.Objects.Write("policy-web", MeshObjects.Allow("web", "web", [], "guest"));
        try
        {
            await SavedSnapshot.WaitAsync(
                mesh.Node1,
                "the client is not let in",
                resources => resources.Any(r => r.Policy is { Name: "web" } web && web.Rules.SelectMany(u => u.From).SelectMany(f => f.Identities).SequenceEqual([MeshObjects.Identity("guest")])));
            for (var i = 0; i < 2; i++)
            {
                // The server may call the client, but this is what it says to a question from before.
                await AssertDroppedAsync(() => server.SendToAsync(new byte[1], caller));
                await AssertDroppedAsync(() => client.SendAsync(new byte[1]));
            }

            Assert.Equal((0, 0), (server.Available, client.Available));
        }
        finally
        {
            await mesh.AllowClientAgainAsync();
        }
    }

    private async Task AssertDroppedAsync(Func<Task> send)
    {
        var before = await LinkAttackFixture.DropsAsync(mesh.Node1, Reason);
        await send();
        await LinkAttackFixture.WaitForDropsAsync(mesh.Node1, Reason, before + 1);
    }
}
