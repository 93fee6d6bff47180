using Culvert.Controller.Schema;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>An object as declared, validated by itself.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Meta">Its metadata.</param>
internal abstract record MeshObject(ObjectKind Kind, ObjectMeta Meta)
{
    /// <summary>What of it is not supported or does not count, though it is in force; told as warnings.</summary>
    public EquatableArray<SourceError> Notes { get; init; }

    /// <summary>Whether this is what could be read of an object with errors, which must not open what it guards: what is wrong in it allows nothing.</summary>
    public bool IsStricterReading { get; init; }

    public ObjectKey Key => new(Kind, Meta.Namespace, Meta.Name);
}
