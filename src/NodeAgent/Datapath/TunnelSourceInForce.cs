using System.Net;
using Culvert.Core;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>From which addresses this node opens new tunnels, and why.</summary>
/// <param name="IsPod">From those of the workloads that they are for; otherwise from the node's.</param>
/// <param name="Reasons">The rules about single workloads, and what of them speaks for the workloads' own; told also where settings ask for something.</param>
internal sealed record TunnelSourceInForce(bool IsPod, EquatableArray<string> Reasons)
{
    private const int MaxReasons = 3;

    /// <summary>What is in force for settings and the rules of the node.</summary>
    /// <param name="configured">The settings.</param>
    /// <param name="rules">Rules about single addresses, with the links that their tables lead out by.</param>
    /// <param name="workloads">Addresses of the node's workloads.</param>
    /// <param name="uplinks">Indexes of the links at which answers to these are captured.</param>
    internal static TunnelSourceInForce Of(TunnelSource configured, IReadOnlyList<RuledSource> rules, IReadOnlySet<IPAddress> workloads, IReadOnlySet<int> uplinks)
    {
        RuledSource[] own = [.. rules.Where(r => workloads.Contains(r.Source))];
        bool speaks = own.Any(r => IsAnswered(r, uplinks));
        return new TunnelSourceInForce(configured == TunnelSource.Pod || (configured == TunnelSource.Auto && speaks), own.Take(MaxReasons).Select(r => Text(r, uplinks)).ToEquatableArray());
    }

    // Answers are captured at uplinks only; a table without routes leaves everything to those behind it.
    private static bool IsAnswered(RuledSource rule, IReadOnlySet<int> uplinks) => rule.Outputs.Count > 0 && rule.Outputs.All(uplinks.Contains);

    private static string Text(RuledSource rule, IReadOnlySet<int> uplinks)
    {
        string text = $"rule {rule.Rule.Priority} leads what comes from {rule.Source} to table {rule.Rule.Table}";
        if (IsAnswered(rule, uplinks)) return text;
        return text + (rule.Outputs.Count == 0 ? ", which has no route" : ", which leads out by what is no uplink: it does not count");
    }
}

/// <summary>A rule about what comes from one address.</summary>
/// <param name="Rule">The rule, with <see cref="IpRule.SingleSource"/>.</param>
/// <param name="Outputs">Indexes of the links that its table leads out by; 0 for several at once.</param>
internal sealed record RuledSource(IpRule Rule, EquatableArray<int> Outputs)
{
    /// <summary>The address.</summary>
    internal IPAddress Source { get; } = Rule.SingleSource ?? throw new ArgumentException($"rule {Rule} is not about one address");
}
