using System.Text;
using k8s.Models;

namespace Culvert.Kubernetes.Client;

/// <summary>Changes to an object, as JSON.</summary>
public sealed class Patch
{
    private Patch(V1Patch.PatchType type, ReadOnlyMemory<byte> document) => Body = Of(type, document);

    internal V1Patch Body { get; }

    /// <summary>Fields and their new values, null to remove one; lists are replaced (RFC 7396).</summary>
    public static Patch Merge(ReadOnlyMemory<byte> document) => new(V1Patch.PatchType.MergePatch, document);

    /// <summary>As <see cref="Merge"/>, but items of those lists that Kubernetes tells apart by a key, such as their name, are changed one by one. Custom kinds don't take it.</summary>
    public static Patch Strategic(ReadOnlyMemory<byte> document) => new(V1Patch.PatchType.StrategicMergePatch, document);

    /// <summary>A list of operations, tests among them (RFC 6902).</summary>
    public static Patch Operations(ReadOnlyMemory<byte> document) => new(V1Patch.PatchType.JsonPatch, document);

    internal static V1Patch Of(V1Patch.PatchType type, ReadOnlyMemory<byte> document) => new(Encoding.UTF8.GetString(document.Span), type);
}
