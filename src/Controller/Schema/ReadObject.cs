using Culvert.Controller.Objects;

namespace Culvert.Controller.Schema;

/// <summary>What came of reading one document.</summary>
/// <param name="Key">The object's key, or null when not even that could be made out.</param>
/// <param name="Object">The object, or null when it is not valid.</param>
/// <param name="Line">The line the object begins on.</param>
/// <param name="Errors">All that is wrong; empty for a valid object.</param>
internal sealed record ReadObject(ObjectKey? Key, MeshObject? Object, int Line, IReadOnlyList<SourceError> Errors);
