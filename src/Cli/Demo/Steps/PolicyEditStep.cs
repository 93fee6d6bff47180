using System.Globalization;
using Culvert.Labs.Mesh;

namespace Culvert.Cli.Demo.Steps;

/// <summary>An edit of a policy file reaches connections that are open.</summary>
internal sealed class PolicyEditStep : IDemoStep
{
    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(6);

    public string Name => "policy-edit";

    public string Title => "A policy edited on disk closes live connections, and opens them again";

    public async Task<string> RunAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        string cut;
        long undone;
        try
        {
            cut = await CutAsync(world, cancellationToken);
        }
        finally
        {
            world.Mesh.Objects.Write(DemoWorld.PolicyFile, MeshObjects.Allow("web", "web", [DemoWorld.Port], "client"));
            undone = TimeProvider.System.GetTimestamp();
            await WaitAllowedAsync(world, cancellationToken);
        }

        return string.Create(
            CultureInfo.InvariantCulture,
            $"{cut}; allowed again {TimeProvider.System.GetElapsedTime(undone).TotalSeconds:0.0} s after the edit was undone");
    }

    private static async Task WaitAllowedAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        foreach (var address in new[] { world.Near.Address4, world.Far.Address4 })
        {
            await Labs.LabWait.UntilAsync(
                $"{address} is allowed again",
                async () => (await DemoWorld.CurlAsync(world.Client, address, cancellationToken)).Succeeded,
                Deadline,
                null,
                cancellationToken);
        }
    }

    private static async Task<string> CutAsync(DemoWorld world, CancellationToken cancellationToken)
    {
        var near = await Download.StartAsync(world.Client, world.Near, cancellationToken);
        var far = await Download.StartAsync(world.Client, world.Far, cancellationToken);
        var start = TimeProvider.System.GetTimestamp();
        world.Mesh.Objects.Write(DemoWorld.PolicyFile, MeshObjects.Allow("web", "web", [DemoWorld.Port], "nobody"));
        var codes = new[] { await EndAsync(near, "near", cancellationToken), await EndAsync(far, "far", cancellationToken) };
        var elapsed = TimeProvider.System.GetElapsedTime(start);
        var refused = await DemoWorld.CurlAsync(world.Client, world.Far.Address4, cancellationToken);
        DemoFailedException.ThrowUnless(!refused.Succeeded, "a new connection was allowed after the edit");
        return string.Create(
            CultureInfo.InvariantCulture,
            $"two running downloads cut within {elapsed.TotalSeconds:0.0} s of the edit (curl {codes[0]} and {codes[1]}), new connections refused");
    }

    private static async Task<int> EndAsync(Download download, string server, CancellationToken cancellationToken)
    {
        try
        {
            var code = await download.WaitAsync(Deadline, cancellationToken);
            DemoFailedException.ThrowUnless(code != 0, $"the download from {server} finished instead of being cut");
            return code;
        }
        catch (TimeoutException)
        {
            throw new DemoFailedException($"the download from {server} still ran {Deadline.TotalSeconds:0} s after the edit");
        }
    }
}
