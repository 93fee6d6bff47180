using System.Net.Sockets;
using Culvert.Cli.Labs;
using Culvert.Cli.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class PolicyTests(MeshFixture mesh) : IAsyncLifetime
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    public ValueTask InitializeAsync() => ValueTask.CompletedTask;

    public async ValueTask DisposeAsync()
    {
        mesh.Mesh.Objects.Remove("broken");
        MeshFixture.AllowClient(mesh.Mesh);
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, PeerServer.EchoAsync);
        await using var near = PeerServer.Start(mesh.Near, mesh.Near.Address4, PeerServer.EchoAsync);
        await LabWait.UntilAsync("the policy is as before on both nodes", async () => await AnswersAsync(server) && await AnswersAsync(near), Deadline);
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
