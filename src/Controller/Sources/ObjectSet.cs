using System.Collections.Immutable;
using Culvert.Controller.Objects;

namespace Culvert.Controller.Sources;

/// <summary>The objects of a source that are in force, and all that is wrong with it. Immutable.</summary>
internal sealed record ObjectSet
{
    public static ObjectSet Empty { get; } = new();

    /// <summary>Valid objects, the last good version of each.</summary>
    public ImmutableDictionary<ObjectKey, MeshObject> Objects { get; init; } = ImmutableDictionary<ObjectKey, MeshObject>.Empty;

    /// <summary>Errors in order of file and line.</summary>
    public ImmutableArray<SourceError> Errors { get; init; } = [];

    public IEnumerable<T> OfKind<T>()
        where T : MeshObject => Objects.Values.OfType<T>().OrderBy(o => o.Meta.FullName);
}
