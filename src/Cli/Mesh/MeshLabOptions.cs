using Culvert.Cli.Labs;

namespace Culvert.Cli.Mesh;

/// <summary>How a <see cref="MeshLab"/> is built.</summary>
internal sealed record MeshLabOptions
{
    /// <summary>The network under it.</summary>
    public LabOptions Lab { get; init; } = new();

    /// <summary>The agent's program.</summary>
    public string Agent { get; init; } = InstalledPrograms.Agent;

    /// <summary>The controller's program.</summary>
    public string Controller { get; init; } = InstalledPrograms.Controller;

    /// <summary>Further arguments for every agent.</summary>
    public IReadOnlyList<string> AgentArguments { get; init; } = [];
}
