using System.Collections.Immutable;

namespace Culvert.Core;

/// <summary>Policy in the form that kernel maps take. Immutable.</summary>
public sealed record CompiledPolicy
{
    /// <summary>Address prefixes to classes, longest prefix wins; an address that none holds is of class 0. Ordered by prefix.</summary>
    public ImmutableArray<AddressClass> AddressClasses { get; init; } = [];

    /// <summary>Every class but 0 by number.</summary>
    public ImmutableDictionary<uint, SourceClass> Classes { get; init; } = ImmutableDictionary<uint, SourceClass>.Empty;

    /// <summary>The target policy set of each local enrolled workload by uid. Workloads with the same policies and mode share one.
    /// A target policy set's number changes when its policies do, so entries of a number never change their meaning.</summary>
    public ImmutableDictionary<string, uint> TargetPolicySetIds { get; init; } = ImmutableDictionary<string, uint>.Empty;

    /// <summary>
    /// The verdicts, ordered by target policy set, class, port, protocol. Looked up most specific first: (class, port), (class, 0), (any, port), (any, 0),
    /// any being <see cref="PolicyEntry.AnyClass"/>.
    /// Each target policy set has an (any, 0) entry per protocol, so a look-up always ends; entries that say what the look-up would come to anyway are left out.
    /// </summary>
    public ImmutableArray<PolicyEntry> Entries { get; init; } = [];

    /// <summary>The rules by number.</summary>
    public ImmutableDictionary<uint, CompiledRule> Rules { get; init; } = ImmutableDictionary<uint, CompiledRule>.Empty;
}
