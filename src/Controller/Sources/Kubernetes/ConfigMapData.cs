namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>What is written into a ConfigMap; keys that it does not name stay.</summary>
internal sealed record ConfigMapData
{
    /// <summary>Texts by key.</summary>
    public required IReadOnlyDictionary<string, string> Data { get; init; }
}
