using System.Diagnostics;
using Culvert.Interop.Abi;
using Culvert.Interop.Bpf;
using Culvert.Labs;
using Culvert.SystemTests.Fixtures;
using Culvert.SystemTests.Peers;

namespace Culvert.SystemTests;

/// <summary>Somebody empties folders of a running agent.</summary>
public sealed class RemovedFilesTests(MeshFixture mesh) : IClassFixture<MeshFixture>
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(30);

    [Fact]
    public async Task Pins_are_put_back_so_that_pods_are_guarded_when_the_agent_dies()
    {
        var folder = Path.Combine(mesh.Node1.Place.BpfFolder, $"v{CvAbi.AbiVersion}");
        await AssertConnectsAsync();
        var ready = Stopwatch.StartNew();
        await LabWait.UntilAsync("the agent has looked at its pins since it was ready, which it does every 5 s", () => Task.FromResult(ready.Elapsed > TimeSpan.FromSeconds(12)), Deadline);
        var before = Pins(folder);
        Assert.Contains(before, p => p.StartsWith("links/", StringComparison.Ordinal));

        foreach (var part in Directory.GetDirectories(folder)) BpfFs.UnpinTree(part);
        await LabWait.UntilAsync("all are there again", () => Task.FromResult(Directory.Exists(Path.Combine(folder, "links")) && Directory.Exists(Path.Combine(folder, "maps")) && Pins(folder).SequenceEqual(before)), Deadline);
        await LabWait.UntilAsync("it says so", () => Task.FromResult(mesh.Node1.Agent!.ReadLog().Contains("somebody had removed pins", StringComparison.Ordinal)), Deadline);

        await mesh.Node1.KillAgentAsync();
        Assert.Equal(before, Pins(folder));
        await mesh.Node1.StartAgentAsync();
        await AssertConnectsAsync();
    }

    [Theory]
    [InlineData("agent.lock")]
    [InlineData("agent.sock")]
    [InlineData("cni.sock")]
    [InlineData("handover.sock")]
    public async Task An_agent_that_nobody_finds_any_more_ends_and_is_found_again_when_it_is_started(string file)
    {
        var agent = mesh.Node2.Agent!;
        var path = Path.Combine(Path.GetDirectoryName(mesh.Node2.AdminSocket)!, file);
        Assert.True(File.Exists(path));
        File.Delete(path);
        Assert.NotEqual(0, await agent.WaitForExitAsync(Deadline));
        Assert.Contains("by which the node finds the agent", agent.ReadLog(), StringComparison.Ordinal);
        await mesh.Node2.StartAgentAsync();
        await AssertConnectsAsync();
    }

    private async Task AssertConnectsAsync()
    {
        await using var server = PeerServer.Start(mesh.Far, mesh.Far.Address4, async socket => await socket.SendAsync(new byte[1]));
        using var client = await PeerServer.ConnectAsync(mesh.Client, server.EndPoint);
        Assert.Equal(1, await client.ReceiveAsync(new byte[1]).WaitAsync(Deadline));
    }

    // Which, and what is pinned there.
    private static string[] Pins(string folder) =>
    [
        .. Directory.GetFiles(Path.Combine(folder, "links")).Select(p => $"links/{Path.GetFileName(p)} {IdOf(BpfLink.OpenPinned(p), l => l.Info.Id)}").Order(StringComparer.Ordinal),
        .. Directory.GetFiles(Path.Combine(folder, "maps")).Select(p => $"maps/{Path.GetFileName(p)} {IdOf(BpfMap.OpenPinned(p), m => m.Info.Id)}").Order(StringComparer.Ordinal),
    ];

    private static uint IdOf<T>(T pinned, Func<T, uint> id)
        where T : IDisposable
    {
        using (pinned) return id(pinned);
    }
}
