using System.Net.Sockets;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Labs;
using Culvert.Labs.Mesh;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

[Collection(MeshCollection.Name)]
public sealed class RestartTests(MeshFixture mesh)
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(15);

    // The kernel sends a SYN again after 1, 3, 7, 15 and 31 s: of one that an agent was not there for, twice as late as the agent is at the most.
    private static readonly TimeSpan RetryDeadline = TimeSpan.FromSeconds(45) * LabWait.Patience;

    [Fact]
    public async Task A_direct_connection_outlives_kill_9_of_its_agent_and_is_adopted_by_the_next()
    {
        const long Length = 64L << 20;
        var pattern = new BulkPattern(4);
        var half = new TaskCompletionSource();
        var restarted = new TaskCompletionSource();
        await using var server = PeerServer.Start(mesh.Near, mesh.Near.Address4, async socket =>
        {
            await pattern.SendAsync(socket, Length);
            socket.Shutdown(SocketShutdown.Send);
        });
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        var reading = Task.Run(async () =>
        {
            var buffer = new byte[64 * 1024];
            var read = 0L;
            for (int n; (n = await client.ReceiveAsync(buffer)) > 0; read += n)
            {
                if (read > Length / 4 && half.TrySetResult())
                {
                    await restarted.Task; // hold the transfer over the whole restart
                }
            }

            return read;
        });
        await half.Task.WaitAsync(Deadline);
        await mesh.Node1.KillAgentAsync();
        using (var fresh = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint))
        {
            Assert.True(await fresh.ReceiveAsync(new byte[1]) > 0); // new direct connections go on as well
        }

        await mesh.Node1.StartAgentAsync();
        restarted.SetResult();

        Assert.Equal(Length, await reading.WaitAsync(Deadline));
    }

    [Fact]
    public async Task A_direct_connection_and_the_counts_outlive_an_upgrade_that_has_more_to_count()
    {
        await using var server = PeerServer.Start(mesh.Near, mesh.Near.Address4, PeerServer.EchoAsync);
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        await PeerServer.SendAllAsync(client, new byte[1]);
        Assert.Equal(1, await client.ReceiveAsync(new byte[1]).WaitAsync(Deadline));
        await mesh.Node1.KillAgentAsync();
        ulong[] before;
        try
        {
            var pin = Path.Combine(mesh.Node1.Place.BpfFolder, $"v{CvAbi.AbiVersion}", "maps", "cv_counters");
            before = ReplaceBySmaller(pin, (uint)CvCounter.Max - 1);
        }
        finally
        {
            await mesh.Node1.StartAgentAsync();
        }

        await PeerServer.SendAllAsync(client, new byte[1]);
        Assert.Equal(1, await client.ReceiveAsync(new byte[1]).WaitAsync(Deadline));
        using var counters = BpfMap.OpenPinned<uint, ulong>(Path.Combine(mesh.Node1.Place.BpfFolder, $"v{CvAbi.AbiVersion}", "maps", "cv_counters"));
        Assert.Equal(CvAbi.MaxCounters, counters.Info.MaxEntries);
        var after = Counts(counters, (uint)before.Length);
        Assert.All(before.Zip(after), pair => Assert.True(pair.Second >= pair.First, $"{pair.First} became {pair.Second}"));
        Assert.NotEqual(0UL, before[(int)CvCounter.DirectPackets]);
        Assert.True(after[(int)CvCounter.DirectPackets] > before[(int)CvCounter.DirectPackets], "what went on was not counted");
    }

    [Fact]
    public async Task A_tunnelled_connection_of_a_killed_agent_ends_at_both_sides_and_new_ones_work_after_its_restart()
    {
        var ended = new TaskCompletionSource();
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, async socket =>
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

        await mesh.Node1.KillAgentAsync();

        await AssertEndsAsync(client);
        await ended.Task.WaitAsync(Deadline);
        await mesh.Node1.StartAgentAsync();
        await AssertEchoAsync(server);
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task Connections_begun_while_an_agent_is_away_meet_the_next_one(bool ofServer)
    {
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, PeerServer.EchoAsync);
        await AssertEchoAsync(server);
        var node = ofServer ? mesh.Node2 : mesh.Node1;
        await node.KillAgentAsync();

        var started = node.StartAgentAsync();
        var begun = new List<Task>();
        while (!started.IsCompleted)
        {
            begun.Add(AssertEchoAsync(server, RetryDeadline));
            await Task.Delay(2); // the clock of the load
        }

        await started;
        Assert.InRange(begun.Count, 20, int.MaxValue);
        await Task.WhenAll(begun);
    }

    [Fact]
    public async Task Connections_and_policy_go_on_while_the_controller_is_away_and_edits_apply_after_it_is_back()
    {
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, PeerServer.EchoAsync);
        await mesh.Mesh.StopControllerAsync();
        await AssertEchoAsync(server);
        mesh.Mesh.Objects.Write("policy-web", MeshObjects.Allow("web", "web", [], "nobody"));
        await AssertEchoAsync(server);

        await mesh.Mesh.StartControllerAsync();

        try
        {
            await LabWait.UntilAsync("the edit has arrived", async () => !await EchoesAsync(server), Deadline);
        }
        finally
        {
            await mesh.AllowClientAgainAsync();
        }

        Assert.True(await EchoesAsync(server));
    }

    [Fact]
    public async Task An_agent_that_starts_without_its_controller_serves_from_its_last_snapshot()
    {
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, PeerServer.EchoAsync);
        await using var near = PeerServer.Start(mesh.Near, mesh.Near.Address4, PeerServer.EchoAsync);
        await mesh.WaitAllowedAsync();
        await mesh.Node1.KillAgentAsync();
        await mesh.Mesh.StopControllerAsync();
        try
        {
            await mesh.Node1.StartAgentAsync();
            var status = await mesh.Node1.StatusAsync();
            Assert.InRange(status.SnapshotApplied.ToDateTime(), status.Started.ToDateTime(), DateTime.UtcNow);
            await AssertEchoAsync(near);
            await AssertRefusedAsync(near);
        }
        finally
        {
            await mesh.Mesh.StartControllerAsync();
        }

        await LabWait.UntilAsync("the tunnel works again", () => EchoesAsync(server), Deadline);
    }

    [Fact]
    public async Task A_corrupt_state_file_is_set_aside_and_the_agent_starts_from_the_controller()
    {
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, PeerServer.EchoAsync);
        await mesh.Node1.StopAgentAsync();
        var snapshot = SavedSnapshot.PathOf(mesh.Node1);
        await File.WriteAllBytesAsync(snapshot, [0xff, 0xfe, 1, 2, 3, 0xff, 0xff, 0xff]);

        await mesh.Node1.StartAgentAsync();

        await AssertEchoAsync(server);
        Assert.Contains(Directory.GetFiles(Path.GetDirectoryName(snapshot)!), f => f.StartsWith(snapshot + ".corrupt", StringComparison.Ordinal));
    }

    // What an agent of a build with fewer counters would have left: its counts, in a map of that size.
    private static ulong[] ReplaceBySmaller(string pin, uint size)
    {
        using var pinned = BpfMap.OpenPinned<uint, ulong>(pin);
        using var smaller = BpfMap.Create<uint, ulong>(BpfMapType.PerCpuArray, pinned.Name, size);
        var values = new byte[pinned.ValueBytes];
        for (var key = 0u; key < size; key++)
        {
            Assert.True(pinned.TryGet(BitConverter.GetBytes(key), values));
            smaller.Set(BitConverter.GetBytes(key), values);
        }

        File.Delete(pin);
        smaller.Pin(pin);
        return Counts(smaller, size);
    }

    private static ulong[] Counts(BpfMap<uint, ulong> map, uint size)
    {
        var values = new ulong[PossibleCpus.Count];
        var counts = new ulong[size];
        for (var key = 0u; key < size; key++)
        {
            Assert.True(map.TryGetPerCpu(key, values));
            counts[key] = values.Aggregate((a, b) => a + b);
        }

        return counts;
    }

    private static async Task AssertEndsAsync(Socket socket)
    {
        try
        {
            Assert.Equal(0, await socket.ReceiveAsync(new byte[1]).WaitAsync(Deadline));
        }
        catch (SocketException e)
        {
            Assert.Equal(SocketError.ConnectionReset, e.SocketErrorCode);
        }
    }

    private async Task AssertEchoAsync(PeerServer server, TimeSpan? deadline = null) => Assert.True(await EchoesAsync(server, deadline));

    private async Task AssertRefusedAsync(PeerServer server) =>
        await Assert.ThrowsAsync<SocketException>(async () => (await PeerServer.ConnectAsync(mesh.Guest, server.EndPoint)).Dispose());

    private async Task<bool> EchoesAsync(PeerServer server, TimeSpan? deadline = null)
    {
        var patience = deadline ?? Deadline;
        try
        {
            using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint, (int)patience.TotalSeconds);
            await PeerServer.SendAllAsync(client, new byte[1]);
            return await client.ReceiveAsync(new byte[1]).WaitAsync(patience) == 1;
        }
        catch (SocketException)
        {
            return false;
        }
    }
}
