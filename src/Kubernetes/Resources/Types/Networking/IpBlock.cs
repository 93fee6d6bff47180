namespace Culvert.Kubernetes.Resources;

/// <summary>A block of addresses.</summary>
public sealed record IpBlock
{
    /// <summary>The block.</summary>
    public string Cidr { get; init => field = value ?? ""; } = "";

    /// <summary>Parts that are not meant.</summary>
    public IReadOnlyList<string> Except { get; init => field = value ?? []; } = [];
}
