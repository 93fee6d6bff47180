using Culvert.NodeAgent.Options;

namespace Culvert.Cli.Checks;

/// <summary>What <c>culvert check</c> looks at.</summary>
internal sealed record CheckOptions
{
    /// <summary>The agent's folder on a BPF file system.</summary>
    public required string BpfFolder { get; init; }

    /// <summary>The agent's admin socket; an agent that answers explains the ports and programs in use.</summary>
    public required string AdminSocket { get; init; }

    /// <summary>The agent's marks, as its option <c>--mark-mask</c> says; its rules tell them while there are some.</summary>
    public PacketMarks Marks { get; init; } = PacketMarks.Default;

    /// <summary>Address of the controller, host:port, whose clock is compared; null for none.</summary>
    public string? Controller { get; init; }
}
