namespace Culvert.Kubernetes.Configuration;

/// <summary>A value of a kubeconfig with where it is.</summary>
/// <param name="Place">File, line and path.</param>
internal abstract record YamlValue(YamlPlace Place);
