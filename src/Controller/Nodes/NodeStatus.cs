namespace Culvert.Controller.Nodes;

/// <summary>What the controller knows of one node's agent.</summary>
/// <param name="Node">The node.</param>
public sealed record NodeStatus(string Node)
{
    /// <summary>Whether a stream is open.</summary>
    public bool Connected { get; init; }

    /// <summary>The agent process that has or had the stream.</summary>
    public string Instance { get; init; } = "";

    /// <summary>The agent's version.</summary>
    public string AgentVersion { get; init; } = "";

    /// <summary>When the stream was opened or closed last.</summary>
    public DateTimeOffset Since { get; init; }

    /// <summary>The version sent last; 0 for none.</summary>
    public ulong SentVersion { get; init; }

    /// <summary>The version the agent has in force; 0 for none.</summary>
    public ulong AckedVersion { get; init; }

    /// <summary>The version refused last, or 0 when what was sent last is not refused.</summary>
    public ulong NackedVersion { get; init; }

    /// <summary>Why it was refused; empty otherwise.</summary>
    public string NackReason { get; init; } = "";

    /// <summary>The resource it was refused for, as <c>kind name</c>; may be empty.</summary>
    public string NackResource { get; init; } = "";
}
