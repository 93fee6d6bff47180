using System.Collections.Immutable;
using System.Net.Sockets;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Tells which routing rules may do anything with packets between two pods of a node that would not be done if those did not meet them. Only what is known as harmless counts as that. Pure.</summary>
internal static class RoutingRules
{
    /// <summary>Why packets have to meet these rules, one for each; none: they need not.</summary>
    /// <param name="rules">The node's rules but for the agent's own.</param>
    /// <param name="hasIPv6">Whether the kernel has IPv6, and rules of it.</param>
    /// <param name="findMark">Says who sets marks by which rules might choose packets between pods; null: nobody. Asked only where there are such rules.</param>
    internal static ImmutableArray<string> Evaluate(IEnumerable<IpRule> rules, bool hasIPv6, Func<string?> findMark)
    {
        Lazy<string?> marks = new(findMark);
        IpRule[] all = [.. rules];
        return [.. FamiliesWithout(all, hasIPv6), .. all.Where(r => !IsHarmless(r)).Select(r => !IsByMark(r) ? $"rule {r}" : marks.Value is { } who ? $"rule {r}, and {who}" : null).OfType<string>()];
    }

    // A rule that leads some packets to the main table does nothing only where all others are led there as well.
    private static IEnumerable<string> FamiliesWithout(IpRule[] rules, bool hasIPv6)
    {
        if (IsWithout(AddressFamily.InterNetwork)) yield return "no rule leads all packets to the table main";
        if (hasIPv6 && IsWithout(AddressFamily.InterNetworkV6)) yield return "no rule of IPv6 leads all packets to the table main";

        bool IsWithout(AddressFamily family) => !rules.Any(r => r.Family == family && r.LeadsAllTo(IpRoute.MainTable));
    }

    // Rules that do nothing, those for the node's own packets, and those that lead to where all packets are led.
    private static bool IsHarmless(IpRule rule) =>
        rule.Action == IpRuleAction.None || (rule.InputInterface == "lo" && !rule.Invert) || (rule.Action == IpRuleAction.Lookup && !rule.IsOfVirtualRouters && IpRoute.IsOrdinary(rule.Table));

    // What comes from a pod has no mark before the node's own rules give it one.
    private static bool IsByMark(IpRule rule) => rule.Action == IpRuleAction.Lookup && !rule.IsOfVirtualRouters && !rule.Invert && ((rule.Mark ?? 0) & (rule.Mask ?? uint.MaxValue)) != 0;
}
