using Culvert.Controller.Objects;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Sources;

/// <summary>An object as a source holds it, good or wrong. Immutable.</summary>
/// <param name="Key">What makes it the same one.</param>
/// <param name="Content">What came of reading it.</param>
internal sealed record Declaration(DeclarationKey Key, ReadObject Content)
{
    /// <summary>Where it is.</summary>
    public ObjectOrigin Origin => Content.Origin;

    /// <summary>Whether it says that its place is there and holds nothing, which is no error and yet not the same as a place that is gone: so looks one that is being written.</summary>
    public bool IsHollow => Key.Object is null && Content.Errors.Count == 0;

    /// <summary>A place that is there and holds nothing.</summary>
    public static ReadObject Hollow(ObjectOrigin origin) => new(null, null, origin, []);

    /// <summary>The declarations of a place, or of several.</summary>
    /// <param name="read">What came of reading them, in their order.</param>
    public static IEnumerable<Declaration> Number(IEnumerable<ReadObject> read)
    {
        var counts = new Dictionary<DeclarationKey, int>();
        foreach (ReadObject content in read)
        {
            var first = new DeclarationKey(content.Origin.Place, content.Key);
            int ordinal = counts.GetValueOrDefault(first);
            counts[first] = ordinal + 1;
            yield return new(first with { Ordinal = ordinal }, content);
        }
    }

    /// <summary>Whether nothing about it has changed.</summary>
    public bool IsSame(Declaration other) => Key == other.Key && Origin == other.Origin && Content.Errors.SequenceEqual(other.Content.Errors);
}
