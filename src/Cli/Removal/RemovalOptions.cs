using Culvert.NodeAgent.Options;

namespace Culvert.Cli.Removal;

/// <summary>Where an agent's traces are looked for.</summary>
internal sealed record RemovalOptions
{
    /// <summary>The agent's folder on a BPF file system.</summary>
    public string BpfFolder { get; init; } = AgentOptionsDefaults.BpfFolder;

    /// <summary>The agent's run folder.</summary>
    public string RunFolder { get; init; } = AgentOptionsDefaults.RunFolder;

    /// <summary>The agent's state folder; null leaves it.</summary>
    public string? StateFolder { get; init; }

    /// <summary>The agent's routing table.</summary>
    public uint RouteTable { get; init; } = AgentOptionsDefaults.RouteTable;

    /// <summary>Folder of labs, removed as well; null leaves them.</summary>
    public string? LabRoot { get; init; } = Labs.Lab.DefaultRoot;

    /// <summary>Whether only labs are removed, and agents of this machine stay.</summary>
    public bool IsLabsOnly { get; init; }
}
