namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>What is changed in a ConfigMap; keys that it does not name stay.</summary>
/// <param name="Data">By key, the text that is to be there; null: none.</param>
internal sealed record ConfigMapPatch(IReadOnlyDictionary<string, string?> Data);
