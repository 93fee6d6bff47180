using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A peer of a <see cref="NetworkPolicyRuleObject"/>: pods, or a block of addresses.</summary>
/// <param name="Pods">The pods that are meant; null where <paramref name="Block"/> says who.</param>
/// <param name="Block">The addresses that are meant; null where <paramref name="Pods"/> says who.</param>
internal sealed record NetworkPolicyPeerObject(PodSelector? Pods, IpPrefix? Block)
{
    /// <summary>The parts of <see cref="Block"/> that are not meant.</summary>
    public EquatableArray<IpPrefix> Except { get; init; }
}
