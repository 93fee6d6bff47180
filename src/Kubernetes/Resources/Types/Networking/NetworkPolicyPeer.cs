namespace Culvert.Kubernetes.Resources;

/// <summary>Who the other end is; either a block of addresses or selectors.</summary>
public sealed record NetworkPolicyPeer
{
    /// <summary>Addresses, or null.</summary>
    public IpBlock? IpBlock { get; init; }

    /// <summary>Namespaces; null is the policy's own.</summary>
    public LabelSelector? NamespaceSelector { get; init; }

    /// <summary>Pods there; null is all of them.</summary>
    public LabelSelector? PodSelector { get; init; }
}
