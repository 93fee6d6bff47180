using System.Collections.Immutable;

namespace Culvert.Controller.Sources;

/// <summary>Changes that belong together: nobody sees some of them without the others.</summary>
/// <param name="Changes">The changes, in any order; at most one for each key.</param>
internal sealed record ObjectBatch(ImmutableArray<ObjectChange> Changes)
{
    /// <summary>A source that can't be read now: what was told before stays, and nothing is told with it.</summary>
    public static ObjectBatch Failed(SourceError failure) => new([]) { Failure = failure };

    /// <summary>
    /// Set when the batch holds all there is below a place (<c>""</c>: all there is): what was told of it before and is not in the batch is gone. For a first list, and for one
    /// that is taken again because changes were missed (a watch that ended with 410 Gone).
    /// </summary>
    public string? Replaces { get; init; }

    /// <summary>
    /// Whether everything that the source holds has been told with this batch; remains so once it was. Before, nobody knows what is missing and what only has not been told yet, so that nothing
    /// comes into force.
    /// </summary>
    public bool IsSynced { get; init; }

    /// <summary>Why nothing can be read now; null: all is well again.</summary>
    public SourceError? Failure { get; init; }
}
