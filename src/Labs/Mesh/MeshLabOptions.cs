
namespace Culvert.Labs.Mesh;

/// <summary>How a <see cref="MeshLab"/> is built.</summary>
internal sealed record MeshLabOptions
{
    /// <summary>The network under it.</summary>
    public LabOptions Lab { get; init; } = new();

    /// <summary>The agent's program.</summary>
    public string Agent { get; init; } = LabPrograms.Agent;

    /// <summary>The controller's program.</summary>
    public string Controller { get; init; } = LabPrograms.Controller;

    /// <summary>Whether agents are told their uplink, or find uplinks themselves.</summary>
    public bool NameUplinks { get; init; } = true;

    /// <summary>Whether agents are told to serve metrics on 127.0.0.1, or serve them where they do by default.</summary>
    public bool NameMetrics { get; init; } = true;

    /// <summary>Where agents capture pods: auto, host or inside. By default what the environment's CULVERT_LAB_CAPTURE says, so that the same tests can be run in another mode.</summary>
    public string Capture { get; init; } = Environment.GetEnvironmentVariable("CULVERT_LAB_CAPTURE") is { Length: > 0 } capture ? capture : "auto";

    /// <summary>Whether agents serve the Workload API, at <see cref="MeshNode.WorkloadApi"/>.</summary>
    public bool ServesWorkloads { get; init; }

    /// <summary>Further arguments for the controller.</summary>
    public IReadOnlyList<string> ControllerArguments { get; init; } = [];

    /// <summary>Whether agents are given a token, and the controller's roots, to join with; otherwise they have their certificates elsewhere, as arguments say.</summary>
    public bool AgentsJoin { get; init; } = true;

    /// <summary>Further arguments for every agent.</summary>
    public IReadOnlyList<string> AgentArguments { get; init; } = [];
}
