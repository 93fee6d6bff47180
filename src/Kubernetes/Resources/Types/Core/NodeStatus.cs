namespace Culvert.Kubernetes.Resources;

/// <summary>What has become of a node.</summary>
public sealed record NodeStatus
{
    /// <summary>Its addresses.</summary>
    public IReadOnlyList<NodeAddress> Addresses { get; init => field = value ?? []; } = [];

    /// <summary>Ready and others.</summary>
    public IReadOnlyList<Condition> Conditions { get; init => field = value ?? []; } = [];

    /// <summary>What runs on it.</summary>
    public NodeInfo NodeInfo { get; init => field = value ?? new(); } = new();
}
