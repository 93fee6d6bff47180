using System.Text.Json;
using Culvert.Bench.Datagrams;
using Culvert.Bench.Http;
using Culvert.Bench.Identity;
using Culvert.Bench.Load;
using Culvert.Bench.Measuring;
using Culvert.Bench.Report;
using Culvert.Bench.Scale;
using Culvert.Bench.Sides;
using Culvert.Labs;

namespace Culvert.Bench;

/// <summary>One run: builds both sides, measures them in turn, writes the results, removes everything.</summary>
internal sealed class BenchRun(BenchOptions options)
{
    private static readonly TimeSpan IdleSample = TimeSpan.FromSeconds(1);

    // Stands in the results for all rows of the labs when these could not be built.
    private static readonly Metric Labs = new("labs", "", true, "both sides built, and removed at the end", 1.0, 1.0);

    /// <summary>Measures what is wanted. A row that fails is among the results, with its error; the results are on disk by then.</summary>
    /// <exception cref="ToolFailedException">The caller is not root, and rows that need root are wanted.</exception>
    /// <exception cref="OperationCanceledException">The run was cancelled. The rows that were finished are on disk.</exception>
    public async Task<IReadOnlyList<Result>> RunAsync(CancellationToken cancellationToken)
    {
        if (options.WantsLabs && Environment.UserName != "root") throw new ToolFailedException("The bench makes network namespaces and loads BPF programs: run it as root.");
        double load = await LoadAsync(cancellationToken);
        if (load > 0.1) Console.Error.WriteLine($"The machine is {load:P0} busy before the run: expect noisy figures.");
        Machine machine = Machine.Read(load, options.Agent, options.Controller);
        List<ScaleFigures> scale = [];
        RowCollector rows = new(results => WriteAsync(results, machine, scale, cancellationToken));
        await WriteAsync([], machine, [], cancellationToken);
        if (options.WantsLabs)
        {
            await rows.AddAsync([Labs], async () =>
            {
                await MeasureInLabsAsync(rows, cancellationToken);
                return [];
            }, cancellationToken);
        }
        if (options.WantsScale) await rows.AddAsync([.. ScaleBench.Metrics.Where(Wanted)], () => ScaleBench.RunAsync(options, scale, cancellationToken), cancellationToken);
        if (options.WantsIdentity) await new IdentityBench(options).RunAsync(rows, cancellationToken);
        Console.WriteLine(ResultsTable.Format(rows.Rows, machine, scale));
        return rows.Rows;
    }

    private bool Wanted(Metric metric) => options.Wants(metric.Name);

    private async Task MeasureInLabsAsync(RowCollector rows, CancellationToken cancellationToken)
    {
        await Lab.RemoveStaleAsync();
        await using Lab peerLab = await Lab.CreateAsync(cancellationToken: cancellationToken);
        await using Lab ourLab = await Lab.CreateAsync(cancellationToken: cancellationToken);
        await MeasureAsync(peerLab, ourLab, rows, cancellationToken);
        if (options.Hold) await HoldAsync(peerLab, ourLab, cancellationToken);
    }

    private async Task MeasureAsync(Lab peerLab, Lab ourLab, RowCollector rows, CancellationToken cancellationToken)
    {
        Topology peers = await StartPodsAsync(peerLab, cancellationToken);
        Target pairCross = await NginxPair.StartAsync(peers, cancellationToken);
        HttpTargets httpPair = await HttpPair.StartAsync(peers, cancellationToken);
        Target httpHop = await HttpPair.StartHopAsync(peers, cancellationToken), httpPairSame = await HttpPair.StartSameAsync(peers, cancellationToken);
        CulvertSide? ours = null;
        if (!options.PeerOnly)
        {
            int starts = Budget.OfStarts.Any(Wanted) ? options.Rounds : 1;
            ours = await CulvertSide.StartAsync(await StartPodsAsync(ourLab, cancellationToken), options, starts, cancellationToken);
        }
        double idleMegabytes = ours?.AgentMegabytes() ?? 0;

        Comparison comparison = new(options.Rounds, options.Duration, warmUp: options.WarmUp);
        Target plainSame = peers.Direct(peers.ServerSame);
        Target plainFar = peers.Direct(peers.ServerFar);
        Target? oursSame = ours?.Nodes.Direct(ours.Nodes.ServerSame), oursCross = ours?.Nodes.Direct(ours.Nodes.ServerCross), oursFar = ours?.Nodes.Direct(ours.Nodes.ServerFar);
        DatagramPeers datagramPeers = await DatagramPeers.StartAsync(peers, cancellationToken);
        Target? oursProxied = ours is null ? null : DatagramApplication.At(ours.Nodes.Client, ours.Nodes.ServerSame, World.ProxiedAddress);
        IReadOnlyList<Scenario> scenarios =
        [
            .. Scenarios.All(oursSame, plainSame, oursCross, pairCross),
            Scenarios.OverALongWay(oursFar, plainFar, options.FarWire),
            .. DatagramScenarios.All(oursSame, plainSame, oursProxied, datagramPeers.Proxy, oursCross, datagramPeers.Pair, options.Datagrams),
        ];
        await CompareAsync(scenarios, comparison, rows, cancellationToken);
        if (options.Wants(Scenarios.HostStack))
        {
            Scenario besideRules = Scenarios.BesideRules(oursSame, plainSame);
            await rows.AddAsync(besideRules.Metrics, () => MeasureBesideRulesAsync(peers, ours, besideRules, comparison, cancellationToken), cancellationToken);
        }
        if (ours is not null && Wanted(Budget.Rss))
        {
            await AddAsync(rows, Budget.Rss, Budget.RssMegabytes, () => Task.FromResult<IEnumerable<double>>([Math.Max(idleMegabytes, ours.AgentMegabytes())]), cancellationToken);
        }
        await CompareAsync(HttpScenarios.All(ours?.Http, httpPair, ours?.HttpSame, httpHop, httpPairSame), comparison, rows, cancellationToken); // has a budget of its own
        if (ours is null) return;
        if (Wanted(Budget.HttpRss))
        {
            await AddAsync(rows, Budget.HttpRss, Budget.HttpRssMegabytes, async () => [await MegabytesWithRoutesAsync(ours, cancellationToken)], cancellationToken);
        }
        await AddAsync(rows, Budget.Ready, Budget.ReadyCpuSeconds, ours.Starts.Select(s => s.CpuSeconds), cancellationToken);
        await AddAsync(rows, Budget.Start, Budget.StartSeconds, ours.Starts.Select(s => s.Elapsed.TotalSeconds), cancellationToken);
        await AddAsync(rows, Budget.FirstRequest, Budget.FirstRequestMilliseconds, ours.Starts.Select(s => s.FirstRequest.TotalMilliseconds), cancellationToken);
        await AddAsync(rows, Budget.ControllerRss, Budget.ControllerRssMegabytes, [ours.ControllerMegabytes], cancellationToken);

        await CompareAsync(Scenarios.FromPods(oursCross!, ours.PodTunnels), comparison, rows, cancellationToken);

        // After the memory was looked at, since a thousand policies more are not what the budget is for.
        await CompareAsync([Scenarios.UnderPolicies(oursSame!, ours.Policies), Scenarios.UnderRequestPolicies(ours.Http.Http1, ours.RequestPolicies)], comparison, rows, cancellationToken);
    }

    // Those that are wanted.
    private async Task CompareAsync(IEnumerable<Scenario> scenarios, Comparison comparison, RowCollector rows, CancellationToken cancellationToken)
    {
        foreach (Scenario scenario in scenarios.Where(s => s.Metrics.Any(Wanted)))
        {
            Console.Error.WriteLine($"{string.Join(", ", scenario.Metrics.Select(m => m.Name))} ...");
            await rows.AddAsync(scenario.Metrics, () => comparison.RunAsync(scenario, cancellationToken), cancellationToken);
        }
    }

    // Where it is wanted.
    private Task AddAsync(RowCollector rows, Metric metric, double budget, IEnumerable<double> values, CancellationToken cancellationToken) =>
        Wanted(metric) ? AddAsync(rows, metric, budget, () => Task.FromResult(values), cancellationToken) : Task.CompletedTask;

    private static Task AddAsync(RowCollector rows, Metric metric, double budget, Func<Task<IEnumerable<double>>> values, CancellationToken cancellationToken) =>
        rows.AddAsync([metric], async () => [Budget.Compare(metric, budget, await values())], cancellationToken);

    private Task<double> MegabytesWithRoutesAsync(CulvertSide ours, CancellationToken cancellationToken) => Restoring.RunAsync(async () =>
    {
        await ours.RequestRoutes.SetAsync(true, cancellationToken);
        await Scenarios.Requests(new WrkShape(2, 64, CloseEachTime: false))(ours.Http.Http1, options.Duration, cancellationToken);
        return ours.AgentMegabytes();
    }, c => ours.RequestRoutes.SetAsync(false, c), cancellationToken);

    // Last of the loads: the others are without rules.
    private static Task<IReadOnlyList<Result>> MeasureBesideRulesAsync(Topology peers, CulvertSide? ours, Scenario scenario, Comparison comparison, CancellationToken cancellationToken)
    {
        LabNode[] nodes = ours is null ? [peers.NodeA] : [peers.NodeA, ours.Nodes.NodeA];
        Task NoticedAsync(bool inForce) => ours is null ? Task.CompletedTask : ForwardRules.WaitForAgentAsync(ours.Nodes.NodeA, ours.AgentA, inForce, cancellationToken);
        return Restoring.RunAsync(async () =>
        {
            Console.Error.WriteLine($"{Scenarios.HostStack} ...");
            foreach (LabNode node in nodes) await ForwardRules.AddAsync(node, cancellationToken);
            await NoticedAsync(inForce: true);
            return await comparison.RunAsync(scenario, cancellationToken);
        }, async c =>
        {
            foreach (LabNode node in nodes) await ForwardRules.RemoveAsync(node, c);
            await NoticedAsync(inForce: false);
        }, cancellationToken);
    }

    // The labs need a living owner: others remove what belongs to nobody.
    private static async Task HoldAsync(Lab peerLab, Lab ourLab, CancellationToken cancellationToken)
    {
        Console.Error.WriteLine($"Held until interrupted: {ourLab.Folder} (Culvert), {peerLab.Folder} (peers).");
        TaskCompletionSource interrupted = new();
        await using CancellationTokenRegistration registration = cancellationToken.Register(interrupted.SetResult);
        await interrupted.Task;
    }

    private async Task<Topology> StartPodsAsync(Lab lab, CancellationToken cancellationToken)
    {
        Topology nodes = await Topology.CreateAsync(lab, options.FarWire, cancellationToken);
        await Application.StartAsync(nodes.ServerSame, cancellationToken);
        await Application.StartAsync(nodes.ServerCross, cancellationToken);
        await Application.StartAsync(nodes.ServerFar, cancellationToken);
        await DatagramApplication.StartAsync(nodes.ServerSame, cancellationToken);
        await DatagramApplication.StartAsync(nodes.ServerCross, cancellationToken);
        await GrpcApplication.StartAsync(nodes.ServerCross, cancellationToken);
        return nodes;
    }

    private static async Task<double> LoadAsync(CancellationToken cancellationToken)
    {
        double before = CpuClock.BusySeconds();
        await Task.Delay(IdleSample, cancellationToken);
        return (CpuClock.BusySeconds() - before) / (IdleSample.TotalSeconds * Environment.ProcessorCount);
    }

    private async Task WriteAsync(IReadOnlyList<Result> results, Machine machine, IReadOnlyList<ScaleFigures> scale, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.OutputFolder);
        await ReplaceAsync("results.json", JsonSerializer.Serialize(results, ResultsJson.Default.IReadOnlyListResult) + "\n", cancellationToken);
        await ReplaceAsync("machine.json", JsonSerializer.Serialize(machine, ResultsJson.Default.Machine) + "\n", cancellationToken);
        await ReplaceAsync("results.txt", ResultsTable.Format(results, machine, scale), cancellationToken);
    }

    // A reader, or an interruption, finds either the rows before or those after.
    private async Task ReplaceAsync(string name, string text, CancellationToken cancellationToken)
    {
        string file = Path.Combine(options.OutputFolder, name), part = file + ".part";
        await File.WriteAllTextAsync(part, text, cancellationToken);
        File.Move(part, file, overwrite: true);
    }
}
