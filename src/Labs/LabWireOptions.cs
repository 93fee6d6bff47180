namespace Culvert.Labs;

/// <summary>What a long way does to the packets of a machine. Kernels that can delay and lose packets themselves (netem) are not everywhere.</summary>
public sealed record LabWireOptions
{
    /// <summary>How long each packet is under way, in each direction; whole milliseconds, up to a minute.</summary>
    public TimeSpan Delay { get; init; }

    /// <summary>Share of packets that get lost in each direction, 0 to 1.</summary>
    public double Loss { get; init; }
}
