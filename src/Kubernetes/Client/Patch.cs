namespace Culvert.Kubernetes.Client;

/// <summary>Changes to an object, as JSON.</summary>
public sealed class Patch
{
    private Patch(string contentType, ReadOnlyMemory<byte> document) => (ContentType, Document) = (contentType, document);

    internal string ContentType { get; }

    internal ReadOnlyMemory<byte> Document { get; }

    /// <summary>Fields and their new values, null to remove one; lists are replaced (RFC 7396).</summary>
    public static Patch Merge(ReadOnlyMemory<byte> document) => new("application/merge-patch+json", document);

    /// <summary>As <see cref="Merge"/>, but items of those lists that Kubernetes tells apart by a key, such as their name, are changed one by one. Custom kinds don't take it.</summary>
    public static Patch Strategic(ReadOnlyMemory<byte> document) => new("application/strategic-merge-patch+json", document);

    /// <summary>A list of operations, tests among them (RFC 6902).</summary>
    public static Patch Operations(ReadOnlyMemory<byte> document) => new("application/json-patch+json", document);
}
