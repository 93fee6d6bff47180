namespace Culvert.Kubernetes.Resources;

/// <summary>Ports of a rule.</summary>
public sealed record NetworkPolicyPort
{
    /// <summary>TCP, UDP or SCTP.</summary>
    public string Protocol { get; init => field = value ?? "TCP"; } = "TCP";

    /// <summary>Number or name; all when null.</summary>
    public IntOrString? Port { get; init; }

    /// <summary>Last number of a range that begins with <see cref="Port"/>.</summary>
    public int? EndPort { get; init; }
}
