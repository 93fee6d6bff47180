namespace Culvert.Kubernetes.Configuration;

/// <summary>A list.</summary>
/// <param name="Place">Where it is.</param>
/// <param name="Items">What is in it.</param>
internal sealed record YamlList(YamlPlace Place, IReadOnlyList<YamlValue> Items) : YamlValue(Place);
