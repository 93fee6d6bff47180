namespace Culvert.Kubernetes.Resources;

/// <summary>An address of a node.</summary>
public sealed record NodeAddress
{
    /// <summary>InternalIP, ExternalIP, Hostname and others.</summary>
    public string Type { get; init => field = value ?? ""; } = "";

    /// <summary>The address.</summary>
    public string Address { get; init => field = value ?? ""; } = "";
}
