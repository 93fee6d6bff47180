namespace Culvert.Labs;

/// <summary>How a <see cref="Lab"/> is built.</summary>
public sealed record LabOptions
{
    /// <summary>Largest packet on every link, in bytes; 1280 to 9000.</summary>
    public int Mtu { get; init; } = 1500;

    /// <summary>Folder under which each lab gets a folder of its own.</summary>
    public string Root { get; init; } = Lab.DefaultRoot;

    /// <summary>Value of rp_filter on nodes: 0 off, 1 strict, 2 loose.</summary>
    public int ReversePathFilter { get; init; } = 2;
}
