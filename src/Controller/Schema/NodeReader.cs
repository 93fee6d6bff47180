using Culvert.Controller.Objects;

namespace Culvert.Controller.Schema;

/// <summary>Reads core/v1 Node, of which the labels and the uid count.</summary>
internal static class NodeReader
{
    public static NodeObject Read(FieldReader root, ObjectMeta meta)
    {
        root.Ignore("spec");
        return new(meta) { Uid = root.Map("metadata")?.String("uid") is { Length: > 0 } uid ? uid : null };
    }
}
