using System.Text.Json;
using Culvert.Bench.Lab;
using Culvert.Bench.Load;
using Culvert.Bench.Measuring;
using Culvert.Bench.Peers;
using Culvert.Bench.Report;
using Culvert.Bench.Running;

namespace Culvert.Bench;

/// <summary>One run: builds both sides, measures them in turn, writes the results, removes everything.</summary>
internal sealed class BenchRun(BenchOptions options)
{
    private static readonly TimeSpan IdleSample = TimeSpan.FromSeconds(1);

    public async Task<IReadOnlyList<Result>> RunAsync(CancellationToken cancellationToken)
    {
        if (Environment.UserName != "root") throw new CommandFailedException("The bench makes network namespaces and loads BPF programs: run it as root.");
        double load = await LoadAsync(cancellationToken);
        if (load > 0.1) Console.Error.WriteLine($"The machine is {load:P0} busy before the run: expect noisy figures.");
        List<Result> results = [];
        await using (CleanupStack cleanup = new())
        {
            string directory = Directory.CreateTempSubdirectory("culvert-bench-").FullName;
            if (options.KeepLogs) Console.WriteLine($"Logs: {directory}");
            else cleanup.Push($"folder {directory}", () => Task.Run(() => Directory.Delete(directory, recursive: true)));
            await MeasureAsync(directory, cleanup, results, cancellationToken);
        }
        await WriteAsync(results, Machine.Read(load), cancellationToken);
        return results;
    }

    private async Task MeasureAsync(string directory, CleanupStack cleanup, List<Result> results, CancellationToken cancellationToken)
    {
        string prefix = $"cv-bn{Environment.ProcessId}";
        TwoNodes peerLab = await TwoNodes.CreateAsync($"{prefix}p", cleanup, cancellationToken);
        await StartApplicationsAsync(peerLab, directory, cleanup, cancellationToken);
        Target plainSame = Direct(peerLab, peerLab.ServerSame);
        Target pairCross = await NginxPair.StartAsync(peerLab, directory, cleanup, cancellationToken);

        Comparison comparison = new(options.Rounds, options.Duration, warmUp: options.Duration / 2);
        foreach (Scenario scenario in Scenarios.All(null, plainSame, null, pairCross))
        {
            if (!scenario.Metrics.Any(m => options.Wants(m.Name))) continue;
            Console.Error.WriteLine($"{string.Join(", ", scenario.Metrics.Select(m => m.Name))} ...");
            results.AddRange(await comparison.RunAsync(scenario, cancellationToken));
        }
    }

    private static async Task StartApplicationsAsync(TwoNodes lab, string directory, CleanupStack cleanup, CancellationToken cancellationToken)
    {
        await Application.StartAsync(lab.ServerSame, directory, cleanup, cancellationToken);
        await Application.StartAsync(lab.ServerCross, directory, cleanup, cancellationToken);
    }

    private static Target Direct(TwoNodes lab, Pod server) =>
        new(lab.Client.Netns, server.Address, Application.HttpPort, Application.BulkPort);

    private static async Task<double> LoadAsync(CancellationToken cancellationToken)
    {
        double before = CpuClock.BusySeconds();
        await Task.Delay(IdleSample, cancellationToken);
        return (CpuClock.BusySeconds() - before) / (IdleSample.TotalSeconds * Environment.ProcessorCount);
    }

    private async Task WriteAsync(List<Result> results, Machine machine, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.OutputFolder);
        string table = ResultsTable.Format(results, machine);
        await File.WriteAllTextAsync(Path.Combine(options.OutputFolder, "results.json"),
            JsonSerializer.Serialize(results, ResultsJson.Default.IReadOnlyListResult) + "\n", cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(options.OutputFolder, "machine.json"),
            JsonSerializer.Serialize(machine, ResultsJson.Default.Machine) + "\n", cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(options.OutputFolder, "results.txt"), table, cancellationToken);
        Console.WriteLine(table);
    }
}
