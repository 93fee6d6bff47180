namespace Culvert.Kubernetes.Configuration;

/// <summary>Where a value of a kubeconfig is.</summary>
/// <param name="File">The file.</param>
/// <param name="Line">Line in it, from 1.</param>
/// <param name="Path">Path of the field; null for the whole.</param>
internal sealed record YamlPlace(string File, int Line, YamlPath? Path)
{
    /// <summary>The path as text; empty for the whole.</summary>
    public string Field => Path?.ToString() ?? "";

    public ConfigurationException Wrong(string reason, Exception? inner = null) => new(reason, File, Line, Field, inner);

    public YamlPlace Below(string key, int line) => new(File, line, new YamlPath(Path, key));
}
