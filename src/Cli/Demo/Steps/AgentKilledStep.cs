using System.Globalization;

namespace Culvert.Cli.Demo.Steps;

/// <summary>Kernel-carried connections outlive their agent.</summary>
internal sealed class AgentKilledStep : IDemoStep
{
    public string Name => "agent-killed";

    public string Title => "Agent killed with -9: a same-node download goes on, policy too";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        var download = await Download.StartAsync(world.Client, world.Near, cancellationToken);
        var pid = world.Node1.Agent!.Id;
        await world.Node1.KillAgentAsync();
        var atKill = download.Received;
        var guest = await DemoWorld.CurlAsync(world.Guest, world.Near.Address4, cancellationToken);
        DemoFailedException.ThrowUnless(!guest.Succeeded, "without an agent the guest was let in");
        var fresh = await DemoWorld.CurlAsync(world.Client, world.Near.Address4, cancellationToken);
        DemoFailedException.ThrowUnless(fresh.Succeeded, $"without an agent a new connection failed: {fresh.Error.Trim()}");
        var code = await download.WaitAsync(TimeSpan.FromSeconds(30), cancellationToken);
        DemoFailedException.ThrowUnless(code == 0 && download.Received == WebServer.FileSize, $"the download broke: {download.Message}");
        await world.Node1.StartAgentAsync(true, cancellationToken);
        await DemoWorld.RequireAnswersAsync(world.Client, world.Far, cancellationToken);
        return string.Create(
            CultureInfo.InvariantCulture,
            $"pid {pid} killed after {atKill / 1024} KiB; all {WebServer.FileSize / 1024} KiB arrived, new connections and refusals as before; restarted agent (pid {world.Node1.Agent!.Id}) carries on");
    }
}
