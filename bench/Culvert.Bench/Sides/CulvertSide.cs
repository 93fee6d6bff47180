using System.Globalization;
using Culvert.Bench.Http;
using Culvert.Bench.Measuring;
using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>Culvert's side: the topology, its applications, a controller with the large world, and an agent on each node.</summary>
internal sealed record CulvertSide(Topology Nodes, CulvertAgent AgentA, CulvertAgent AgentB, IReadOnlyList<AgentStart> Starts, double ControllerMegabytes,
    WorldChange Policies, WorldChange RequestPolicies, WorldChange RequestRoutes, WorldChange PodTunnels)
{
    /// <param name="nodes">Topology with its applications.</param>
    /// <param name="options">Which programs to run.</param>
    /// <param name="starts">How often the first agent is started with empty state; the last one stays.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    public static async Task<CulvertSide> StartAsync(Topology nodes, BenchOptions options, int starts, CancellationToken cancellationToken)
    {
        string world = Path.Combine(nodes.Lab.Folder, "world");
        World.Write(world, nodes);
        CulvertController controller = await CulvertController.StartAsync(nodes, world, options, cancellationToken);
        CulvertAgent agentB = await CulvertAgent.StartAsync(nodes.NodeB, controller, options, cancellationToken);
        double controllerMegabytes = Megabytes(controller.Process);
        List<AgentStart> costs = [];
        CulvertAgent? agentA = null;
        for (int i = 0; i < starts; i++)
        {
            if (agentA is not null) await agentA.DisposeAsync();
            agentA = await CulvertAgent.StartAsync(nodes.NodeA, controller, options, cancellationToken);
            costs.Add(new AgentStart(agentA.TimeToReady, agentA.CpuToReady, await RequestAsync(nodes, cancellationToken)));
        }
        if (options.Wants(Scenarios.Far)) await CulvertAgent.StartAsync(nodes.NodeFar, controller, options, cancellationToken);
        CulvertAgent[] both = [agentA!, agentB];
        return new CulvertSide(
            nodes, agentA!, agentB, costs, controllerMegabytes, NetworkPolicies.In(world, both), Sides.RequestPolicies.In(world, nodes.ServerCross, both), Sides.RequestPolicies.RoutesIn(world, both), World.PodTunnels(world, both));
    }

    /// <summary>Where the client calls what the mesh reads as HTTP, on the other node.</summary>
    public HttpTargets Http => HttpTargets.Of(
        Nodes.Direct(Nodes.ServerCross) with { Host = World.HttpAddress, Proxies = [AgentA.Process.Id, AgentB.Process.Id] },
        Application.Http1Port, Application.Http2Port, GrpcApplication.Port);

    /// <summary>Where the client calls what its own node reads as HTTP/1.1, on that node.</summary>
    public Target HttpSame => Nodes.Direct(Nodes.ServerSame) with { Host = World.HttpSameAddress, HttpPort = Application.Http1Port, Proxies = [AgentA.Process.Id] };

    /// <summary>Resident memory of the first node's agent in megabytes (10^6 bytes).</summary>
    public double AgentMegabytes() => Megabytes(AgentA.Process);

    private static double Megabytes(LabProcess process) => ProcFile.ResidentKilobytes(process.Id) * 1024 / 1e6;

    // The policies let the client in as soon as its agent is ready.
    private static async Task<TimeSpan> RequestAsync(Topology nodes, CancellationToken cancellationToken)
    {
        Target target = nodes.Direct(nodes.ServerCross);
        ToolResult result = await nodes.Client.RunAsync(
            "curl", ["-sS", "-o", "/dev/null", "--max-time", "10", "-w", "%{time_total}", $"http://{target.Host}:{target.HttpPort}/"], cancellationToken: cancellationToken);
        if (!result.Succeeded) throw new ToolFailedException($"first request after the agent's start: {result.Error.Trim()}");
        return TimeSpan.FromSeconds(double.Parse(result.Output, CultureInfo.InvariantCulture));
    }
}
