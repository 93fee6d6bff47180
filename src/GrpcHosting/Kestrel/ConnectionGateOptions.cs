namespace Culvert.GrpcHosting;

/// <summary>Bounds of a <see cref="ConnectionGate"/>.</summary>
public sealed record ConnectionGateOptions
{
    /// <summary>Most connections in the gate; at least 1.</summary>
    public int Most { get; init; } = 512;

    /// <summary>Most of them from one address; at least 1. Room for the agents of some nodes behind one address that start at once.</summary>
    public int MostFromOneSource { get; init; } = 64;

    /// <summary>How long a connection may be in the gate.</summary>
    public TimeSpan Longest { get; init; } = TimeSpan.FromSeconds(30);
}
