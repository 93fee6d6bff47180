using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A NetworkPolicy of networking.k8s.io/v1 as declared.</summary>
internal sealed record NetworkPolicyObject(ObjectMeta Meta) : MeshObject(ObjectKind.NetworkPolicy, Meta)
{
    /// <summary>The pods of its namespace that it selects.</summary>
    public LabelSelector Selector { get; init; } = LabelSelector.Everything;

    public bool IsolatesIngress { get; init; }

    public bool IsolatesEgress { get; init; }

    public EquatableArray<NetworkPolicyRuleObject> Ingress { get; init; }

    public EquatableArray<NetworkPolicyRuleObject> Egress { get; init; }

    /// <summary>Its rules of both directions.</summary>
    public IEnumerable<NetworkPolicyRuleObject> Rules => Ingress.Concat(Egress);
}
