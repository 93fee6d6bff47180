namespace Culvert.Controller.Objects;

/// <summary>An object as declared, validated by itself.</summary>
/// <param name="Kind">Its kind.</param>
/// <param name="Meta">Its metadata.</param>
internal abstract record MeshObject(ObjectKind Kind, ObjectMeta Meta)
{
    public ObjectKey Key => new(Kind, Meta.Namespace, Meta.Name);
}
