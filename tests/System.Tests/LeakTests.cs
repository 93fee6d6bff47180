using System.Globalization;
using Culvert.Cli.Labs;
using Culvert.Cli.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class LeakTests(MeshFixture mesh)
{
    [Fact]
    public async Task After_20_000_tunnelled_connections_descriptors_and_memory_are_back_where_they_were()
    {
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, PeerServer.EchoAsync);
        await RunAsync(server, 2_000); // buffers and pools reach their size
        await SettledAsync();
        var before = Agents().Select(Usage.Of).ToArray();

        await RunAsync(server, 20_000);

        await SettledAsync();
        var after = Agents().Select(Usage.Of).ToArray();
        foreach (var (b, a) in before.Zip(after))
        {
            Assert.InRange(a.Descriptors, 0, b.Descriptors + 16);
            Assert.InRange(a.ResidentKiB, 0, b.ResidentKiB + (48 * 1024));
        }
    }

    private int[] Agents() => [mesh.Node1.Agent!.Id, mesh.Node2.Agent!.Id];

    private async Task RunAsync(PeerServer server, int count) => await Parallel.ForAsync(0, count, new ParallelOptions { MaxDegreeOfParallelism = 32 }, async (_, _) =>
    {
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint, seconds: 30);
        await PeerServer.SendAllAsync(client, new byte[16]);
        Assert.True(await client.ReceiveAsync(new byte[16]) > 0);
        client.Shutdown(System.Net.Sockets.SocketShutdown.Send);
        Assert.Equal(0, await client.ReceiveAsync(new byte[16]));
    });

    // All connections have ended as the agents see it.
    private async Task SettledAsync()
    {
        foreach (var node in new[] { mesh.Node1, mesh.Node2 })
        {
            await LabWait.UntilAsync(
                $"{node.Name} has no open connection", async () => (await node.StatusAsync()).OpenConnections == 0, TimeSpan.FromSeconds(15));
        }
    }

    private sealed record Usage(int Descriptors, long ResidentKiB)
    {
        public static Usage Of(int pid)
        {
            var line = File.ReadLines(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/status")).First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal));
            return new Usage(
                Directory.GetFiles(string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/fd")).Length,
                long.Parse(line.Split(' ', StringSplitOptions.RemoveEmptyEntries)[1], CultureInfo.InvariantCulture));
        }
    }
}
