using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>
/// Reads the annotations that NGINX Service Mesh has on pods (<c>config.nsm.nginx.com/</c>). They must not keep a pod out of the mesh: what is wrong or not supported among them is told in a note,
/// and the pod is guarded as if it were not there.
/// </summary>
internal static class NginxAnnotations
{
    /// <summary>What their names begin with.</summary>
    public const string Prefix = "config.nsm.nginx.com/";

    public const string MtlsModeName = Prefix + "mtls-mode";
    private const string IgnoreIncoming = Prefix + "ignore-incoming-ports";
    private const string IgnoreOutgoing = Prefix + "ignore-outgoing-ports";

    /// <summary>Adds what they say to the metadata of a workload.</summary>
    /// <param name="metadata">The mapping that holds them.</param>
    /// <param name="meta">The metadata so far.</param>
    /// <param name="annotations">All annotations.</param>
    public static ObjectMeta Read(FieldReader metadata, ObjectMeta meta, IReadOnlyDictionary<string, string> annotations)
    {
        string[] own = [.. annotations.Keys.Where(k => k.StartsWith(Prefix, StringComparison.Ordinal)).Order(StringComparer.Ordinal)];
        if (own.Length == 0 || metadata.Map("annotations") is not { } reader) return meta;
        foreach (string name in own)
        {
            string value = annotations[name];
            if (name == MtlsModeName) meta = meta with { NginxMtlsMode = ReadMode(reader, value) };
            else reader.Note(name, name is IgnoreIncoming or IgnoreOutgoing ? Ignored(value) : "is not supported and has no effect here");
        }
        return meta;
    }

    private static MtlsMode? ReadMode(FieldReader reader, string value)
    {
        switch (value)
        {
            case "strict":
                return MtlsMode.Strict;
            case "permissive":
                return MtlsMode.Permissive;
            case "off":
                reader.Note(MtlsModeName, "off is not supported and counts as permissive, which takes plaintext and speaks mutual TLS within the mesh all the same");
                return MtlsMode.Permissive;
            default:
                reader.Note(MtlsModeName, $"'{value}' is not one of off, permissive, strict, and has no effect");
                return null;
        }
    }

    private static string Ignored(string value) =>
        $"ports can't be left alone for one workload, so that {value} is carried and guarded as any other; 'excludePorts' of the MeshConfig leaves a destination port alone everywhere";
}
