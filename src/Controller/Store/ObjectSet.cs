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

    /// <summary>Those of <see cref="Objects"/> that nothing declares any more: nobody can tell whether they are meant to go.</summary>
    public ImmutableHashSet<ObjectKey> Undeclared { get; init; } = [];

    /// <summary>Errors in order of file and line.</summary>
    public ImmutableArray<SourceError> Errors { get; init; } = [];

    /// <summary>What is in force and, likely, does not what it was meant to do, in order of file and line.</summary>
    public ImmutableArray<SourceError> Warnings { get; init; } = [];

    /// <summary>
    /// What is in force in place of what an error is about: of the object, or, where none can be told, of anything that came from the file, or from below the subfolder, and is not declared there
    /// any more; of anything at all where the folder itself, named by its full path, can't be read. Nothing in place of a second declaration: the first is simply in force.
    /// </summary>
    public InForceInstead Instead(SourceError error)
    {
        if (error.IsOfSecond || error.IsOfGone) return InForceInstead.Nothing;
        if (ObjectKey.Parse(error.Object) is not { } key) return KeepsAnyFrom(error) ? InForceInstead.LastGood : InForceInstead.Nothing;
        if (!Objects.TryGetValue(key, out MeshObject? inForce)) return InForceInstead.Nothing;
        return inForce.IsStricterReading ? InForceInstead.Part : InForceInstead.LastGood;
    }

    public IEnumerable<T> OfKind<T>()
        where T : MeshObject => Objects.Values.OfType<T>().OrderBy(o => o.Meta.FullName);

    private bool KeepsAnyFrom(SourceError error) => Path.IsPathRooted(error.Place) ? !Objects.IsEmpty : Undeclared.Any(k => Objects.TryGetValue(k, out MeshObject? kept) && IsFrom(kept, error.Place));

    private static bool IsFrom(MeshObject kept, string place) =>
        kept.Meta.Origin.Place == place || (place.EndsWith('/') && kept.Meta.Origin.Place.StartsWith(place, StringComparison.Ordinal));
}
