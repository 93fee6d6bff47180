using System.Collections.Immutable;

namespace Culvert.Core;

/// <summary>Policy in the form that kernel maps take. Immutable.</summary>
public sealed record CompiledPolicy
{
    /// <summary>Address prefixes to classes, longest prefix wins; an address that none holds is of class 0. Ordered by prefix.</summary>
    public ImmutableArray<AddressClass> AddressClasses { get; init; } = [];

    /// <summary>Every class but 0 by number.</summary>
    public ImmutableDictionary<uint, PeerClass> Classes { get; init; } = ImmutableDictionary<uint, PeerClass>.Empty;

    /// <summary>The target policy set of each local enrolled workload by uid. Workloads with the same policies and mode share one.
    /// A target policy set's number changes when its policies do, so entries of a number never change their meaning.</summary>
    public ImmutableDictionary<string, uint> TargetPolicySetIds { get; init; } = ImmutableDictionary<string, uint>.Empty;

    /// <summary>The policy set that decides about what goes out of a local enrolled workload, by uid; a workload that nothing isolates has none.</summary>
    public ImmutableDictionary<string, uint> EgressPolicySetIds { get; init; } = ImmutableDictionary<string, uint>.Empty;

    /// <summary>
    /// The verdicts, ordered by policy set, class, ports, protocol. Looked up by class and the longest prefix that holds the port, and when that
    /// finds none, by <see cref="PolicyEntry.AnyClass"/> and the longest prefix.
    /// Each policy set has an entry for any class and every port per protocol, so a look-up always ends; entries that say what the look-up would come to anyway are left out.
    /// </summary>
    public ImmutableArray<PolicyEntry> Entries { get; init; } = [];

    /// <summary>Of which workloads there was not room for all that policies say: what those would need most of is refused altogether, so that it takes none of the others'. By workload.</summary>
    public ImmutableArray<ClosedPolicy> Closed { get; init; } = [];

    /// <summary>The rules by number.</summary>
    public ImmutableDictionary<uint, CompiledRule> Rules { get; init; } = ImmutableDictionary<uint, CompiledRule>.Empty;
}
