using System.Collections.Immutable;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Store;

/// <summary>The objects of a source that are in force, and all that is wrong with it. Immutable.</summary>
internal sealed record ObjectSet
{
    public static ObjectSet Empty { get; } = new();

    /// <summary>Valid objects, the last good version of each.</summary>
    public ImmutableDictionary<ObjectKey, MeshObject> Objects { get; init; } = ImmutableDictionary<ObjectKey, MeshObject>.Empty;

    /// <summary>The settings of the mesh. They can hold without an object among <see cref="Objects"/>.</summary>
    public MeshConfigInForce Mesh { get; init; } = MeshConfigInForce.Unknown;

    /// <summary>Whether the source has been read at least once. Until then nobody knows what is meant to be in force: no objects is not "nothing".</summary>
    public bool IsRead { get; init; }

    /// <summary>Errors in order of file and line.</summary>
    public ImmutableArray<SourceError> Errors { get; init; } = [];

    /// <summary>What is in force and, likely, does not what it was meant to do, in order of file and line.</summary>
    public ImmutableArray<SourceError> Warnings { get; init; } = [];

    /// <summary>
    /// What is in force in place of what an error is about: of the object, or, where none can be told, of anything that came from the file, or from below the subfolder; of anything at all where
    /// the folder itself, named by its full path, can't be read.
    /// </summary>
    public InForceInstead Instead(SourceError error)
    {
        if (error.Object.Length == 0) return HasAnyFrom(error) ? InForceInstead.LastGood : InForceInstead.Nothing;
        if (ObjectKey.Parse(error.Object) is not { } key || !Objects.TryGetValue(key, out MeshObject? inForce)) return InForceInstead.Nothing;
        return inForce.IsStricterReading ? InForceInstead.Part : InForceInstead.LastGood;
    }

    public IEnumerable<T> OfKind<T>()
        where T : MeshObject => Objects.Values.OfType<T>().OrderBy(o => o.Meta.FullName);

    private bool HasAnyFrom(SourceError error) =>
        Path.IsPathRooted(error.Place) ? !Objects.IsEmpty : Objects.Values.Any(o => o.Meta.Origin.Place == error.Place || (error.Place.EndsWith('/') && o.Meta.Origin.Place.StartsWith(error.Place, StringComparison.Ordinal)));
}
