using Culvert.Labs;

namespace Culvert.Bench.Sides;

/// <summary>The controller, on a machine of its own in the lab.</summary>
internal sealed class CulvertController
{
    private const int Port = 15012;
    private readonly LabNode _node;
    private readonly string _program;
    private readonly string _state;

    private CulvertController(LabNode node, LabProcess process, string program, string state)
    {
        Process = process;
        _node = node;
        _program = program;
        _state = state;
    }

    public LabProcess Process { get; }

    public string Uri => $"https://{_node.Address4}:{Port}";

    /// <summary>Roots that an agent without identity checks the controller against.</summary>
    public string BootstrapRoots => Path.Combine(_state, "roots.pem");

    public static async Task<CulvertController> StartAsync(Topology nodes, string worldFolder, BenchOptions options, CancellationToken cancellationToken)
    {
        string state = Path.Combine(nodes.Lab.Folder, "controller");
        LabNode place = await nodes.Lab.AddNodeAsync("control", cancellationToken: cancellationToken);
        LabProcess process = place.Start("controller", options.Controller,
            "run", "--folder", worldFolder, "--listen", $"{place.Address4}:{Port}", "--state-dir", state);
        await LabWait.ForListenerAsync(process, Port, TimeSpan.FromSeconds(30), cancellationToken);
        return new CulvertController(place, process, options.Controller, state);
    }

    /// <summary>A token with which one agent may join as the node.</summary>
    public async Task<string> CreateTokenAsync(LabNode node, CancellationToken cancellationToken)
    {
        ToolResult result = await _node.RunAsync(
            _program, ["token", "create", "--node", node.Name, "--state-dir", _state], cancellationToken: cancellationToken);
        if (!result.Succeeded) throw new ToolFailedException($"culvert-controller token create: {result.Error.Trim()}");
        return result.Output.Trim();
    }
}
