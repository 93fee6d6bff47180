using Culvert.Controller.Objects;

namespace Culvert.Controller.Schema;

/// <summary>What came of reading one document.</summary>
/// <param name="Key">The object's key, or null when not even that could be made out.</param>
/// <param name="Object">The object, or null when it is not valid.</param>
/// <param name="Origin">Where it is: the line the object begins on.</param>
/// <param name="Errors">All that is wrong; empty for a valid object.</param>
internal sealed record ReadObject(ObjectKey? Key, MeshObject? Object, ObjectOrigin Origin, IReadOnlyList<SourceError> Errors)
{
    /// <summary>The kind that the document says it is, also where that is not enough to make out the object; empty when it says none, or one that may be misspelt.</summary>
    public string Kind { get; init; } = "";

    /// <summary>What could be made out of an object that is not valid, or null.</summary>
    public MeshObject? Rejected { get; init; }
}
