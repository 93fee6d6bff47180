using System.Collections.Immutable;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Sources;

/// <summary>Changes that belong together: nobody sees some of them without the others.</summary>
/// <param name="Changes">The changes, in any order; at most one for each key.</param>
internal sealed record ObjectBatch(ImmutableArray<ObjectChange> Changes)
{
    /// <summary>A source that can't be read now: what was told before stays, and nothing is told with it.</summary>
    public static ObjectBatch Failed(SourceError failure) => new([]) { Failure = failure };

    /// <summary>
    /// Set when the batch holds all there is at a place and below it (<c>""</c>: all there is): what was told of it before and is not in the batch is gone. For a first list, and for one
    /// that is taken again because changes were missed (a watch that ended with 410 Gone). Parts of places are parted by <c>/</c>; it has none at its end.
    /// </summary>
    /// <exception cref="ArgumentException">It ends with <c>/</c>: nothing would be at it.</exception>
    public string? Replaces
    {
        get;
        init => field = value?.EndsWith('/') == true ? throw new ArgumentException($"'{value}' must not end with '/'.", nameof(value)) : value;
    }

    /// <summary>
    /// Whether everything that the source holds has been told with this batch; remains so once it was. Before, nobody knows what is missing and what only has not been told yet, so that nothing
    /// comes into force.
    /// </summary>
    public bool IsSynced { get; init; }

    /// <summary>Why nothing can be read now; null: all is well again.</summary>
    public SourceError? Failure { get; init; }

    /// <summary>What parts of what there is can't be told now, and why: what was told of them stays. Each batch says all of it anew.</summary>
    public ImmutableArray<SourceError> Troubles { get; init; } = [];

    /// <summary>Whether the batch holds all there is at a place (<see cref="Replaces"/>). By whole parts: <c>namespaces/shop</c> says nothing of <c>namespaces/shop-2</c>.</summary>
    public bool HoldsAllOf(string place) =>
        Replaces is { } top && (top.Length == 0 || place == top || (place.StartsWith(top, StringComparison.Ordinal) && place[top.Length] == '/'));
}
