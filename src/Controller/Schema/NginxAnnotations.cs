using System.Globalization;
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
    public const string IgnoreIncoming = Prefix + "ignore-incoming-ports";
    private const string IgnoreOutgoing = Prefix + "ignore-outgoing-ports";

    // Each takes room in the kernel of every node.
    private const int MostPorts = 32;

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
            else if (name == IgnoreIncoming) meta = meta with { ExcludedPorts = ReadPorts(reader, value) };
            else reader.Note(name, name == IgnoreOutgoing ? "has no effect: what goes to members is encrypted all the same, and what goes to others is as the application sends it" : "is not supported and has no effect here");
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

    private static EquatableArray<ushort> ReadPorts(FieldReader reader, string value)
    {
        string[] texts = value.Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries);
        SortedSet<ushort> ports = [];
        foreach (string text in texts)
        {
            if (!ushort.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out ushort port) || port == 0)
            {
                reader.Note(IgnoreIncoming, $"'{text}' is not a port within 1..65535, and the annotation has no effect");
                return [];
            }
            ports.Add(port);
        }
        if (ports.Count > MostPorts)
        {
            reader.Note(IgnoreIncoming, $"has more than {MostPorts} ports, and no effect");
            return [];
        }
        if (ports.Count > 0) reader.Note(IgnoreIncoming, $"connections to {string.Join(", ", ports)} are left alone: anybody may open them, in plaintext, and no policy is asked");
        return ports.ToEquatableArray();
    }
}
