namespace Culvert.Kubernetes.Resources;

/// <summary>Named texts and bytes.</summary>
public sealed record ConfigMap : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "ConfigMap";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>Texts by name.</summary>
    public IReadOnlyDictionary<string, string> Data { get; init => field = value ?? Empty.Strings; } = Empty.Strings;

    /// <summary>Bytes by name.</summary>
    public IReadOnlyDictionary<string, byte[]> BinaryData { get; init => field = value ?? Empty.Bytes; } = Empty.Bytes;

    /// <summary>Whether its data can't be changed.</summary>
    public bool? Immutable { get; init; }
}
