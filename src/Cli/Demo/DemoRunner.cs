using Culvert.Cli.Demo.Steps;
using Culvert.Cli.Output;
using Culvert.Labs;
using Culvert.Labs.Mesh;

namespace Culvert.Cli.Demo;

/// <summary>Builds the demo's mesh, runs its steps and reports each as it ends. A failed step does not hold up the next.</summary>
internal sealed class DemoRunner(Action<string> progress, Action<DemoStepReport> report)
{
    /// <summary>All steps, in order.</summary>
    public static readonly IReadOnlyList<IDemoStep> Steps =
    [
        new SameNodeStep(),
        new CrossNodeStep(),
        new IdentityStep(),
        new ServiceStep(),
        new DeniedStep(sameNode: true),
        new DeniedStep(sameNode: false),
        new RequestDeniedStep(),
        new RequestRoutesStep(),
        new TokensAndLimitsStep(),
        new CallsStep(),
        new DatagramStep(sameNode: true),
        new DatagramStep(sameNode: false),
        new DatagramDeniedStep(),
        new ProxyProtocolStep(),
        new PolicyEditStep(),
        new AgentKilledStep(),
        new RotationStep(),
        new MetricsStep(),
    ];

    /// <summary>Runs it all.</summary>
    /// <param name="names">Names of the steps to run; none for all.</param>
    /// <param name="keep">Leave the mesh up at the end.</param>
    /// <param name="cancellationToken">Ends it; everything is removed then.</param>
    public async Task<DemoReport> RunAsync(IReadOnlyList<string> names, bool keep, CancellationToken cancellationToken)
    {
        var start = TimeProvider.System.GetTimestamp();
        await Lab.RemoveStaleAsync();
        await using var world = await DemoWorld.StartAsync(progress, cancellationToken);
        var done = new List<DemoStepReport>();
        foreach (var step in Steps.Where(s => names.Count == 0 || names.Contains(s.Name)))
        {
            progress(step.Title);
            done.Add(await RunAsync(step, world, cancellationToken));
            report(done[^1]);
        }

        var passed = done.TrueForAll(s => s.Passed);
        if (keep)
        {
            world.Mesh.Objects.Write($"service-{DemoGuide.HttpService}", MeshObjects.Speaking(MeshObjects.Service(DemoGuide.HttpService, "web", 80, DemoWorld.Port, DemoGuide.HttpAddress, "fd96::12"), "http"));
            world.Mesh.Lab.Keep();
        }
        else
        {
            progress("removing everything");
        }

        var seconds = TimeProvider.System.GetElapsedTime(start).TotalSeconds;
        return new DemoReport(passed, Math.Round(seconds, 1), keep ? world.Mesh.Lab.Folder : null, done);
    }

    private static async Task<DemoStepReport> RunAsync(IDemoStep step, DemoWorld world, CancellationToken cancellationToken)
    {
        var start = TimeProvider.System.GetTimestamp();
        try
        {
            var evidence = await step.RunAsync(world, cancellationToken);
            return Report(true, evidence);
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested && e is not OutOfMemoryException)
        {
            return Report(false, e is DemoFailedException or TimeoutException ? e.Message : $"{e.GetType().Name}: {e.Message}");
        }

        DemoStepReport Report(bool passed, string evidence) =>
            new(step.Title, passed, evidence, Math.Round(TimeProvider.System.GetElapsedTime(start).TotalSeconds, 1));
    }
}
