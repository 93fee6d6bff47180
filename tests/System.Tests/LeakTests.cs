using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class LeakTests
{
    [Fact]
    public async Task After_20_000_tunnelled_connections_descriptors_and_memory_are_back_where_they_were()
    {
        // A mesh of its own: in another one UDP sessions of other tests may still wait for their idle time.
        await using var lab = await MeshFixture.CreateAsync(new MeshLabOptions());
        var client = await lab.AddPodAsync(lab.Nodes[0], "client", "client");
        var far = await lab.AddPodAsync(lab.Nodes[1], "far", "web");
        await MeshFixture.StartAsync(lab);
        await using var server = PeerServer.Start(far, far.Address4, PeerServer.EchoAsync);
        await RunAsync(client, server, 2_000); // buffers and pools reach their size
        await SettledAsync(lab);
        var before = lab.Nodes.Select(AgentUsage.Of).ToArray();

        await RunAsync(client, server, 20_000);

        await SettledAsync(lab);
        var after = lab.Nodes.Select(AgentUsage.Of).ToArray();
        foreach (var (b, a) in before.Zip(after))
        {
            Assert.InRange(a.Descriptors, 0, b.Descriptors + 16);
            Assert.InRange(a.ResidentKiB, 0, b.ResidentKiB + (48 * 1024));
        }
    }

    private static async Task RunAsync(LabPod pod, PeerServer server, int count) => await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (_, _) =>
    {
        using var client = await PeerServer.ConnectAsync(pod, server.EndPoint, seconds: 30);
        await PeerServer.SendAllAsync(client, new byte[16]);
        client.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.Equal(16, (await PeerServer.ReceiveAllAsync(client)).Length);
    });

    // All connections have ended as the agents see it.
    private static async Task SettledAsync(MeshLab lab)
    {
        foreach (var node in lab.Nodes)
        {
            await LabWait.UntilAsync(
                $"{node.Name} has no open connection", async () => (await node.StatusAsync()).OpenConnections == 0, TimeSpan.FromSeconds(15));
        }
    }
}
