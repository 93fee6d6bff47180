using System.Collections.Immutable;

namespace Culvert.NodeAgent.Datapath.Firewall;

/// <summary>A chain of packet filter rules, of nftables or iptables, reduced to what may become of a packet in it.</summary>
/// <param name="Table">Its table, as people name it: "inet x", "ip filter", "iptables-legacy filter".</param>
/// <param name="Name">Its name.</param>
internal sealed record FilterChain(string Table, string Name)
{
    /// <summary>Where the kernel hands packets to it ("forward"), null where only other chains do.</summary>
    internal string? Hook { get; init; }

    /// <summary>What becomes of a packet that reaches its end: "accept", "drop".</summary>
    internal string Policy { get; init; } = "accept";

    /// <summary>Whether it is one for translating addresses, which looks at the first packet of a connection.</summary>
    internal bool IsNat { get; init; }

    /// <summary>What its rules do, in order.</summary>
    internal ImmutableArray<FilterStep> Steps { get; init; } = [];
}

/// <summary>What a rule does with packets that it matches; what it matches does not count.</summary>
internal enum FilterAction
{
    /// <summary>Lets go on, here or in the chain it came from.</summary>
    Pass,

    /// <summary>Goes on in another chain.</summary>
    Jump,

    /// <summary>Changes address or mark, or logs: what chains for translating addresses are there for.</summary>
    Change,

    /// <summary>Anything else, such as refusing.</summary>
    Other,
}

/// <summary>One thing that a rule does.</summary>
/// <param name="Action">What.</param>
/// <param name="Text">The chain gone to, or the name of the action.</param>
internal readonly record struct FilterStep(FilterAction Action, string Text);
