using System.Collections.Immutable;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Tells which routing rules may do anything with packets between two pods of a node that would not be done if those did not meet them. Only what is known as harmless counts as that. Pure.</summary>
internal static class RoutingRules
{
    /// <summary>Why packets have to meet these rules, one for each; none: they need not.</summary>
    /// <param name="rules">The node's rules but for the agent's own.</param>
    /// <param name="findMark">Says who sets marks by which rules might choose packets between pods; null: nobody. Asked only where there are such rules.</param>
    internal static ImmutableArray<string> Evaluate(IEnumerable<IpRule> rules, Func<string?> findMark)
    {
        Lazy<string?> marks = new(findMark);
        return [.. rules.Where(r => !IsHarmless(r)).Select(r => !IsByMark(r) ? $"rule {r}" : marks.Value is { } who ? $"rule {r}, and {who}" : null).OfType<string>()];
    }

    // Rules that do nothing, those for the node's own packets, and those that lead to where all packets are led.
    private static bool IsHarmless(IpRule rule) =>
        rule.Action == IpRuleAction.None || (rule.InputInterface == "lo" && !rule.Invert) || (rule.Action == IpRuleAction.Lookup && !rule.IsOfVirtualRouters && IpRoute.IsOrdinary(rule.Table));

    // What comes from a pod has no mark before the node's own rules give it one.
    private static bool IsByMark(IpRule rule) => rule.Action == IpRuleAction.Lookup && !rule.IsOfVirtualRouters && !rule.Invert && ((rule.Mark ?? 0) & (rule.Mask ?? uint.MaxValue)) != 0;
}
