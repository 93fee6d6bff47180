using Culvert.Controller.Objects;
using Culvert.Controller.Schema;

namespace Culvert.Controller.Store;

/// <summary>Makes warnings about objects in force.</summary>
internal static class SourceWarning
{
    /// <summary>A warning at the field of an object that a path of keys and indexes leads to.</summary>
    public static SourceError About(MeshObject about, string reason, params object[] path)
    {
        (string field, int line) = FieldLocator.Locate(about.Meta, path);
        return new(about.Meta.Origin.Place, line, about.Key.ToString(), field, reason);
    }
}
