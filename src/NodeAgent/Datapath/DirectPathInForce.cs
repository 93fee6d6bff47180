using System.Collections.Immutable;
using Culvert.Core;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Which path new direct flows take on this node, and why.</summary>
/// <param name="IsRedirect">Straight into the pod; otherwise by the kernel's own forwarding. Pods can be left out, see <see cref="LocalEndpoint.HostStackReason"/>.</param>
/// <param name="Reasons">What speaks against redirecting; told also where settings say to redirect whatever there is.</param>
internal sealed record DirectPathInForce(bool IsRedirect, ImmutableArray<DirectPathReason> Reasons)
{
    /// <summary>What is in force for settings and what was found on the node.</summary>
    internal static DirectPathInForce Of(MeshSettings settings, ImmutableArray<DirectPathReason> found)
    {
        if (settings.NetworkPolicy != NetworkPolicyMode.Enforce) found = [new(DirectPathReasonKind.NetworkPolicy, "networkPolicy is not ENFORCE: whoever else enforces NetworkPolicies would be passed"), .. found];
        bool redirect = settings.DirectPath == DirectPath.Redirect || (settings.DirectPath == DirectPath.Auto && found.IsEmpty);
        return new DirectPathInForce(redirect, settings.DirectPath == DirectPath.HostStack ? [new(DirectPathReasonKind.Configured, "directPath is HOST_STACK"), .. found] : found);
    }
}

/// <summary>What speaks against redirecting.</summary>
/// <param name="Kind">What kind of thing.</param>
/// <param name="Text">What it is, for people.</param>
internal sealed record DirectPathReason(DirectPathReasonKind Kind, string Text);

/// <summary>Kinds of <see cref="DirectPathReason"/>.</summary>
internal enum DirectPathReasonKind
{
    /// <summary>The mesh's settings say so.</summary>
    Configured,

    /// <summary>NetworkPolicies are not enforced by the mesh.</summary>
    NetworkPolicy,

    /// <summary>Packet filter rules that are not known as harmless, or can't be read.</summary>
    Firewall,

    /// <summary>A routing rule that is not known as harmless.</summary>
    RoutingRule,

    /// <summary>An IPsec policy that forwarded packets meet.</summary>
    Ipsec,

    /// <summary>A CNI plugin that is not known.</summary>
    Cni,
}
