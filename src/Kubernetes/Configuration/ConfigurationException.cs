namespace Culvert.Kubernetes.Configuration;

/// <summary>How to reach the cluster can't be read. The message names file, line, field and reason; never a secret.</summary>
/// <param name="reason">What is wrong.</param>
/// <param name="file">The file, or null where it is about none.</param>
/// <param name="line">Line in it, from 1; 0 where it is about the whole.</param>
/// <param name="field">Path of the field; empty where it is about the whole.</param>
/// <param name="innerException">The cause, or null.</param>
public sealed class ConfigurationException(string reason, string? file = null, int line = 0, string field = "", Exception? innerException = null)
    : Exception(Describe(reason, file, line, field), innerException)
{
    /// <summary>The file, or null where it is about none.</summary>
    public string? File { get; } = file;

    /// <summary>Line in it, from 1; 0 where it is about the whole.</summary>
    public int Line { get; } = line;

    /// <summary>Path of the field; empty where it is about the whole.</summary>
    public string Field { get; } = field;

    /// <summary>What is wrong.</summary>
    public string Reason { get; } = reason;

    private static string Describe(string reason, string? file, int line, string field)
    {
        string place = file is null ? "" : line > 0 ? $"{file}:{line}: " : $"{file}: ";
        return $"{place}{(field.Length > 0 ? $"{field}: " : "")}{reason}";
    }
}
