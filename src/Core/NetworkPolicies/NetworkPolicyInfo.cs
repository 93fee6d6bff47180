namespace Culvert.Core;

/// <summary>
/// A Kubernetes NetworkPolicy (networking.k8s.io/v1) as nodes evaluate it: its selectors of pods are resolved into peer groups, of which
/// <see cref="WorkloadInfo.PeerGroups"/> says the members. Which workloads it selects is said by <see cref="WorkloadInfo.NetworkPolicyNames"/>.
/// </summary>
public sealed record NetworkPolicyInfo
{
    /// <summary>Its namespace and name.</summary>
    public required NamespacedName Name { get; init; }

    /// <summary>Whether what it selects takes only those connections that a rule of <see cref="Ingress"/>, of this or another policy, allows.</summary>
    public bool IsolatesIngress { get; init; }

    /// <summary>Whether what it selects makes only those connections that a rule of <see cref="Egress"/>, of this or another policy, allows.</summary>
    public bool IsolatesEgress { get; init; }

    /// <summary>What it allows to come in. Counts only where <see cref="IsolatesIngress"/> is set.</summary>
    public EquatableArray<NetworkPolicyRule> Ingress { get; init; }

    /// <summary>What it allows to go out. Counts only where <see cref="IsolatesEgress"/> is set.</summary>
    public EquatableArray<NetworkPolicyRule> Egress { get; init; }

    /// <summary>Where it was declared, as <c>file:line</c>, for messages; empty when unknown.</summary>
    public string SourceReference { get; init; } = "";
}
