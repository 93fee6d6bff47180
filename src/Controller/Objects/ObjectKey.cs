namespace Culvert.Controller.Objects;

/// <summary>What makes an object the same object. Objects without namespace have the empty one.</summary>
internal readonly record struct ObjectKey(ObjectKind Kind, string Namespace, string Name)
{
    public override string ToString() => Namespace.Length == 0 ? $"{Kind} {Name}" : $"{Kind} {Namespace}/{Name}";
}
