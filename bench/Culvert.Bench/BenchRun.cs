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

    public async Task<IReadOnlyList<Result>> RunAsync(CancellationToken cancellationToken)
    {
        if (options.WantsLabs && Environment.UserName != "root") throw new ToolFailedException("The bench makes network namespaces and loads BPF programs: run it as root.");
        double load = await LoadAsync(cancellationToken);
        if (load > 0.1) Console.Error.WriteLine($"The machine is {load:P0} busy before the run: expect noisy figures.");
        List<Result> results = [];
        if (options.WantsLabs) await MeasureInLabsAsync(results, cancellationToken);
        ScaleReport? scale = options.WantsScale ? await ScaleBench.RunAsync(options, cancellationToken) : null;
        if (scale is not null) results.AddRange(scale.Rows);
        if (options.WantsIdentity) results.AddRange(await new IdentityBench(options).RunAsync(cancellationToken));
        await WriteAsync(results, Machine.Read(load), scale?.Figures ?? [], cancellationToken);
        return results;
    }

    private async Task MeasureInLabsAsync(List<Result> results, CancellationToken cancellationToken)
    {
        await Lab.RemoveStaleAsync();
        await using Lab peerLab = await Lab.CreateAsync(cancellationToken: cancellationToken);
        await using Lab ourLab = await Lab.CreateAsync(cancellationToken: cancellationToken);
        await MeasureAsync(peerLab, ourLab, results, cancellationToken);
        if (options.Hold) await HoldAsync(peerLab, ourLab, cancellationToken);
    }

    private async Task MeasureAsync(Lab peerLab, Lab ourLab, List<Result> results, CancellationToken cancellationToken)
    {
        Topology peers = await StartPodsAsync(peerLab, cancellationToken);
        Target pairCross = await NginxPair.StartAsync(peers, cancellationToken);
        HttpTargets httpPair = await HttpPair.StartAsync(peers, cancellationToken);
        Target httpHop = await HttpPair.StartHopAsync(peers, cancellationToken), httpPairSame = await HttpPair.StartSameAsync(peers, cancellationToken);
        CulvertSide? ours = null;
        if (!options.PeerOnly)
        {
            int starts = options.Wants(Budget.Ready.Name) ? options.Rounds : 1;
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
        await CompareAsync(scenarios, comparison, results, cancellationToken);
        if (options.Wants(Scenarios.HostStack)) results.AddRange(await MeasureBesideRulesAsync(peers, ours, Scenarios.BesideRules(oursSame, plainSame), comparison, cancellationToken));
        if (ours is not null && options.Wants(Budget.Rss.Name)) results.Add(Budget.Compare(Budget.Rss, Budget.RssMegabytes, [Math.Max(idleMegabytes, ours.AgentMegabytes())]));
        await CompareAsync(HttpScenarios.All(ours?.Http, httpPair, ours?.HttpSame, httpHop, httpPairSame), comparison, results, cancellationToken); // has a budget of its own
        if (ours is null) return;
        if (options.Wants(Budget.HttpRss.Name)) results.Add(Budget.Compare(Budget.HttpRss, Budget.HttpRssMegabytes, [await MegabytesWithRoutesAsync(ours, cancellationToken)]));
        if (options.Wants(Budget.Ready.Name))
        {
            results.Add(Budget.Compare(Budget.Ready, Budget.ReadySeconds, ours.StartTimes.Select(t => t.TotalSeconds)));
        }

        await CompareAsync(Scenarios.FromPods(oursCross!, ours.PodTunnels), comparison, results, cancellationToken);
        await ours.PodTunnels.SetAsync(false, cancellationToken);

        // After the memory was looked at, since a thousand policies more are not what the budget is for.
        await CompareAsync([Scenarios.UnderPolicies(oursSame!, ours.Policies), Scenarios.UnderRequestPolicies(ours.Http.Http1, ours.RequestPolicies)], comparison, results, cancellationToken);
    }

    // Those that are wanted.
    private async Task CompareAsync(IEnumerable<Scenario> scenarios, Comparison comparison, List<Result> results, CancellationToken cancellationToken)
    {
        foreach (Scenario scenario in scenarios.Where(s => s.Metrics.Any(m => options.Wants(m.Name))))
        {
            Console.Error.WriteLine($"{string.Join(", ", scenario.Metrics.Select(m => m.Name))} ...");
            results.AddRange(await comparison.RunAsync(scenario, cancellationToken));
        }
    }

    private async Task<double> MegabytesWithRoutesAsync(CulvertSide ours, CancellationToken cancellationToken)
    {
        await ours.RequestRoutes.SetAsync(true, cancellationToken);
        await Scenarios.Requests(new WrkShape(2, 64, CloseEachTime: false))(ours.Http.Http1, options.Duration, cancellationToken);
        double megabytes = ours.AgentMegabytes();
        await ours.RequestRoutes.SetAsync(false, cancellationToken);
        return megabytes;
    }

    // Last of the loads: the others are without rules.
    private static async Task<IReadOnlyList<Result>> MeasureBesideRulesAsync(Topology peers, CulvertSide? ours, Scenario scenario, Comparison comparison, CancellationToken cancellationToken)
    {
        LabNode[] nodes = ours is null ? [peers.NodeA] : [peers.NodeA, ours.Nodes.NodeA];
        Console.Error.WriteLine($"{Scenarios.HostStack} ...");
        foreach (LabNode node in nodes) await ForwardRules.AddAsync(node, cancellationToken);
        if (ours is not null) await ForwardRules.WaitForAgentAsync(ours.Nodes.NodeA, ours.AgentA, cancellationToken);
        IReadOnlyList<Result> results = await comparison.RunAsync(scenario, cancellationToken);
        foreach (LabNode node in nodes) await ForwardRules.RemoveAsync(node, cancellationToken);
        return results;
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

    private async Task WriteAsync(List<Result> results, Machine machine, IReadOnlyList<ScaleFigures> scale, CancellationToken cancellationToken)
    {
        Directory.CreateDirectory(options.OutputFolder);
        string table = ResultsTable.Format(results, machine, scale);
        await File.WriteAllTextAsync(Path.Combine(options.OutputFolder, "results.json"),
            JsonSerializer.Serialize(results, ResultsJson.Default.IReadOnlyListResult) + "\n", cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(options.OutputFolder, "machine.json"),
            JsonSerializer.Serialize(machine, ResultsJson.Default.Machine) + "\n", cancellationToken);
        await File.WriteAllTextAsync(Path.Combine(options.OutputFolder, "results.txt"), table, cancellationToken);
        Console.WriteLine(table);
    }
}
