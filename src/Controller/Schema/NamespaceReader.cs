using Culvert.Controller.Objects;

namespace Culvert.Controller.Schema;

/// <summary>Reads core/v1 Namespace.</summary>
internal static class NamespaceReader
{
    public static NamespaceObject Read(FieldReader root, ObjectMeta meta)
    {
        if (meta.Labels.TryGetValue(NamespaceObject.EnrolledLabel, out string? enrolled) && enrolled is not ("true" or "false"))
            root.Fail("metadata", $"label {NamespaceObject.EnrolledLabel} is '{enrolled}'; \"true\" or \"false\" is allowed");
        if (root.Map("spec") is { } spec)
        {
            spec.Ignore("finalizers");
            spec.Done();
        }
        return new(meta);
    }
}
