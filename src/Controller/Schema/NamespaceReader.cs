using Culvert.Controller.Objects;

namespace Culvert.Controller.Schema;

/// <summary>Reads core/v1 Namespace.</summary>
internal static class NamespaceReader
{
    public static NamespaceObject Read(FieldReader root, ObjectMeta meta)
    {
        if (MeshLabel.Check(meta.Labels) is { } wrong) root.Fail("metadata", wrong);
        if (root.Map("spec") is { } spec)
        {
            spec.Ignore("finalizers");
            spec.Done();
        }
        return new(meta);
    }
}
