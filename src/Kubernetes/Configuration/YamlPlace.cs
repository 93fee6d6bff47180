namespace Culvert.Kubernetes.Configuration;

/// <summary>Where a value of a kubeconfig is.</summary>
/// <param name="File">The file.</param>
/// <param name="Line">Line in it, from 1.</param>
/// <param name="Field">Path of the field; empty for the whole.</param>
internal sealed record YamlPlace(string File, int Line, string Field)
{
    public ConfigurationException Wrong(string reason, Exception? inner = null) => new(reason, File, Line, Field, inner);

    public YamlPlace Below(string key, int line) => new(File, line, Field.Length == 0 ? key : $"{Field}.{key}");
}
