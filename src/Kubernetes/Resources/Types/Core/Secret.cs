namespace Culvert.Kubernetes.Resources;

/// <summary>Named bytes that are secret. What it holds is never logged.</summary>
public sealed record Secret : IKubernetesObject
{
    /// <inheritdoc/>
    public string? ApiVersion { get; init; } = "v1";

    /// <inheritdoc/>
    public string? Kind { get; init; } = "Secret";

    /// <inheritdoc/>
    public ObjectMeta Metadata { get; init => field = value ?? new(); } = new();

    /// <summary>What it is for.</summary>
    public string Type { get; init => field = value ?? "Opaque"; } = "Opaque";

    /// <summary>The bytes by name.</summary>
    public IReadOnlyDictionary<string, byte[]> Data { get; init => field = value ?? Empty.Bytes; } = Empty.Bytes;

    /// <summary>Whether its data can't be changed.</summary>
    public bool? Immutable { get; init; }
}
