using System.Net.Sockets;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public class PolicyTests(MeshFixture mesh) : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        GC.SuppressFinalize(this);
        mesh.Mesh.Objects.Remove("broken");
        mesh.Mesh.Objects.Remove("permissive");
        await mesh.AllowClientAgainAsync();
    }

    [Theory]
    [ClassData(typeof(AllPaths))]
    public async Task An_edit_closes_a_live_idle_connection(TestPath path, TestFamily family)
    {
        var (pod, address) = mesh.Server(path, family);
        var ended = new TaskCompletionSource();
        await using var server = PeerServer.Start(pod, address, async socket =>
        {
            try
            {
                await PeerServer.EchoAsync(socket);
            }
            finally
            {
                ended.TrySetResult();
            }
        });
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await PeerServer.SendAllAsync(client, new byte[1]);
        Assert.Equal(1, await client.ReceiveAsync(new byte[1]));

        mesh.Mesh.Objects.Write("policy-web", MeshObjects.Allow("web", "web", [], "nobody"));

        var end = await EndOfAsync(client);
        Assert.True(end, "the client's side still stands");
        await ended.Task.WaitAsync(Deadline);
    }

    [Theory, InlineData(TestFamily.IPv4), InlineData(TestFamily.IPv6)]
    public async Task Of_two_edits_at_once_the_second_closes_a_live_idle_connection_too(TestFamily family)
    {
        await using var server = PeerServer.Start(mesh.Near, MeshFixture.AddressOf(mesh.Near, family), PeerServer.EchoAsync);
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await PeerServer.SendAllAsync(client, new byte[1]);
        Assert.Equal(1, await client.ReceiveAsync(new byte[1]));

        // The kernels of the pods answer what revalidates a connection once in half a second.
        mesh.Mesh.Objects.Write("policy-web", MeshObjects.Allow("web", "web", [server.EndPoint.Port], "client"));
        await SavedSnapshot.WaitAsync(mesh.Node1, "the port is named", resources => resources.Any(r => r.Policy is { Name: "web" } web && web.Rules.SelectMany(u => u.To).Any()));
        mesh.Mesh.Objects.Write("policy-web", MeshObjects.Allow("web", "web", [], "nobody"));

        Assert.True(await EndOfAsync(client), "the client's side still stands");
    }

    [Theory, InlineData(TestFamily.IPv4), InlineData(TestFamily.IPv6)]
    [Trait("Category", "Attack")]
    public async Task Attack_an_idle_plaintext_connection_does_not_outlive_strict_mode(TestFamily family)
    {
        const string Permissive = "permissive";
        mesh.Mesh.Objects.Write(Permissive, """
            apiVersion: culvert.dev/v1alpha1
            kind: PeerAuthentication
            metadata:
              name: permissive
              namespace: demo
            spec:
              selector:
                matchLabels:
                  app: open
              mtls:
                mode: PERMISSIVE
            """);
        var ended = new TaskCompletionSource();
        await using var server = PeerServer.Start(mesh.Open, MeshFixture.AddressOf(mesh.Open, family), async socket =>
        {
            try
            {
                await PeerServer.EchoAsync(socket);
            }
            finally
            {
                ended.TrySetResult();
            }
        });
        Socket? client = null;
        await LabWait.UntilAsync("plaintext is let in", async () => (client = await TryExchangeAsync(mesh.Node2.Place, server)) is not null, Deadline);
        using var open = client!;
        Assert.False(ended.Task.IsCompleted);

        mesh.Mesh.Objects.Remove(Permissive);

        // Nobody sends a byte: both sides end all the same.
        await ended.Task.WaitAsync(Deadline);
        var reset = await Assert.ThrowsAsync<SocketException>(() => open.ReceiveAsync(new byte[1]).WaitAsync(Deadline));
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
    }

    [Fact]
    public async Task A_broken_object_is_named_and_the_others_stay_in_force()
    {
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, PeerServer.EchoAsync);

        mesh.Mesh.Objects.Write("broken", "apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata:\n  name: broken\n  namespace: demo\nspec:\n  action: PERHAPS\n");

        var controller = mesh.Mesh.Controller!;
        await LabWait.UntilAsync(
            "the controller names the file, the line and the field",
            () => controller.ReadLog() is var log && log.Contains("broken.yaml", StringComparison.Ordinal) && log.Contains("action", StringComparison.Ordinal),
            Deadline,
            controller);
        Assert.True(await AnswersAsync(server));
    }

    private static async Task<bool> EndOfAsync(Socket client)
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

    private static async Task<Socket?> TryExchangeAsync(LabNamespace from, PeerServer server)
    {
        try
        {
            var client = await PeerServer.ConnectAsync(from, server.EndPoint);
            await PeerServer.SendAllAsync(client, new byte[1]);
            return await client.ReceiveAsync(new byte[1]).WaitAsync(Deadline) == 1 ? client : null;
        }
        catch (SocketException)
        {
            return null; // refused: the policy is not in force yet
        }
    }

    private async Task<bool> AnswersAsync(PeerServer server)
    {
        try
        {
            using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
            await PeerServer.SendAllAsync(client, new byte[1]);
            return await client.ReceiveAsync(new byte[1]).WaitAsync(Deadline) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
