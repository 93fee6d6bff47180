using System.Diagnostics;
using Culvert.Bench.Measuring;
using Culvert.Interop;

namespace Culvert.Bench.Scale;

/// <summary>Measures one mesh: a controller of its own, a simulated agent for each node. All traffic is on loopback; process and folder go with the run.</summary>
/// <param name="program">The controller.</param>
/// <param name="shape">How large the mesh is.</param>
/// <param name="changes">Changes of each kind.</param>
internal sealed class ScaleRun(string program, ScaleShape shape, int changes)
{
    // The runtime compiles what is hot meanwhile.
    private const int WarmUps = 3;

    // Both ends are asked for by so many agents: a connection each, and what runtimes and folders need.
    private const int OtherFiles = 512;

    private int _turn;

    /// <exception cref="BenchInvalidException">The figures would mean nothing.</exception>
    public async Task<ScaleFigures> MeasureAsync(CancellationToken cancellationToken)
    {
        long files = OpenFileLimit.Raise();
        if (files < shape.Nodes + OtherFiles) throw new BenchInvalidException($"{shape.Nodes} agents need {shape.Nodes + OtherFiles} open files, and this process may have {files}: raise the limit (ulimit -n).");
        DirectoryInfo folder = Directory.CreateTempSubdirectory("culvert-scale-");
        try
        {
            return await MeasureAsync(folder.FullName, cancellationToken);
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    private async Task<ScaleFigures> MeasureAsync(string folder, CancellationToken cancellationToken)
    {
        string objects = Path.Combine(folder, "world"), state = Path.Combine(folder, "state"), log = Path.Combine(folder, "log");
        ScaleWorld world = new(objects, shape);
        world.Write();
        await using AgentFleet fleet = new(shape);

        // Nodes join once; what is measured is the day when a controller starts anew and all come back.
        await using (ScaleController first = await ScaleController.StartAsync(program, objects, state, log, cancellationToken)) await fleet.JoinAsync(first.EndPoint, state, cancellationToken);
        long start = Stopwatch.GetTimestamp();
        await using ScaleController controller = await ScaleController.StartAsync(program, objects, state, log, cancellationToken);
        double read = Stopwatch.GetElapsedTime(start).TotalSeconds;
        await fleet.StartAsync(controller.EndPoint, state, cancellationToken);
        double full = Stopwatch.GetElapsedTime(start).TotalSeconds, busy = controller.ProcessorTime().TotalSeconds;
        long bytes = fleet.Bytes;
        int retries = fleet.Failures;
        CheckComplete(fleet);
        ChangeFigures policy = await ChangeAsync(fleet, controller, (i, turn) => world.ChangePolicy(i, turn), cancellationToken);
        ChangeFigures endpoint = await ChangeAsync(fleet, controller, (i, turn) => world.ChangeEndpoint(i, turn), cancellationToken);
        ChangeFigures mesh = await ChangeAsync(fleet, controller, (_, turn) => world.ChangeMesh(turn), cancellationToken);
        return new(shape, read, full, (double)bytes / shape.Nodes, busy, retries, policy, endpoint, mesh, controller.PeakMegabytes());
    }

    // Workloads, Services, mesh and trust bundle, and the policies of the Services that the node has pods of.
    private void CheckComplete(AgentFleet fleet)
    {
        int expected = shape.Pods + shape.Nodes + 2 + ScaleShape.PodsEach;
        if (fleet.Resources != (expected, expected)) throw new BenchInvalidException($"Full snapshots have {fleet.Resources.Fewest} to {fleet.Resources.Most} resources and not {expected}.");
    }

    // Each Service has its turn once at the most, so that each change is one.
    private async Task<ChangeFigures> ChangeAsync(AgentFleet fleet, ScaleController controller, Func<int, int, ScaleChange> make, CancellationToken cancellationToken)
    {
        for (int i = 0; i < WarmUps; i++) await fleet.ObserveAsync(make(i, ++_turn), cancellationToken);
        long bytes = fleet.Bytes;
        TimeSpan busy = controller.ProcessorTime();
        List<double> seconds = [];
        int told = 0;
        for (int i = 0; i < changes; i++)
        {
            ScaleChange change = make((WarmUps + (i * 7)) % shape.Nodes, ++_turn);
            seconds.AddRange(await fleet.ObserveAsync(change, cancellationToken));
            told = change.Nodes.Count;
        }
        return new(
            Statistics.Percentile(seconds, 50), Statistics.Percentile(seconds, 99), seconds.Max(), told, (double)(fleet.Bytes - bytes) / changes, (controller.ProcessorTime() - busy).TotalSeconds / changes);
    }
}
