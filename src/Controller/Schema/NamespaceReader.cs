using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads core/v1 Namespace.</summary>
internal static class NamespaceReader
{
    public static NamespaceObject Read(FieldReader root, ObjectMeta meta)
    {
        NamespaceObject read = new(meta);
        if (MeshLabel.Check(meta.Labels) is { } wrong) root.Note("metadata", $"{wrong}; until then pods of the namespace are in the mesh");
        foreach (string other in MeshLabel.CheckOthers(meta.Labels)) root.Note("metadata", other);
        if (ExemptNamespaces.Contains(meta.Name) && MeshLabel.Read(meta.Labels) == true) root.Note("metadata", $"the label {MeshLabel.Key} counts for nothing: pods of {meta.Name} can't be in the mesh, which needs what runs there to start");
        if (root.Map("spec") is { } spec)
        {
            spec.Ignore("finalizers");
            spec.Done();
        }
        return read;
    }
}
