namespace Culvert.Kubernetes.Configuration;

/// <summary>Reads kubeconfig files as kubectl does: several are one, in which what comes first counts; paths in a file are relative to it.</summary>
public static class Kubeconfig
{
    // Those of people with many clusters have some hundred kilobytes.
    private const int Largest = 8 << 20;

    /// <summary>Reads files and chooses a context.</summary>
    /// <param name="paths">The files, at least one. Where there are several, those that don't exist are passed over.</param>
    /// <param name="context">The context; null for the current one.</param>
    /// <exception cref="ConfigurationException">They can't be read, or are wrong where the context needs them.</exception>
    public static ClusterConfiguration Load(IReadOnlyList<string> paths, string? context = null)
    {
        ArgumentNullException.ThrowIfNull(paths);
        YamlMap[] files = [.. paths.Where(p => paths.Count == 1 || File.Exists(p)).Select(ReadFile)];
        return files.Length > 0 ? Parse(files, context) : throw new ConfigurationException($"none of the kubeconfig files is there: {string.Join(", ", paths)}");
    }

    internal static ClusterConfiguration Parse(IReadOnlyList<YamlMap> files, string? context)
    {
        (string name, YamlPlace asked) = Current(files, context);
        YamlMap settings = Named(files, "contexts", "context", name) ?? throw asked.Wrong(
            $"there is no context '{name}'{Others(files)}");
        string cluster = settings.RequiredString("cluster");
        string? user = settings.String("user");
        return KubeconfigEntries.Read(
            $"context '{name}' of {string.Join(':', files.Select(f => f.Place.File))}",
            settings,
            Named(files, "clusters", "cluster", cluster) ?? throw settings.Wrong("cluster", $"there is no cluster '{cluster}'"),
            user ?? "",
            string.IsNullOrEmpty(user) ? null : Named(files, "users", "user", user) ?? throw settings.Wrong("user", $"there is no user '{user}'"));
    }

    private static (string Name, YamlPlace Asked) Current(IReadOnlyList<YamlMap> files, string? context)
    {
        if (!string.IsNullOrEmpty(context)) return (context, files[0].Place);
        foreach (YamlMap file in files)
        {
            if (file.String("current-context") is { Length: > 0 } name) return (name, file.Entries["current-context"].Place);
        }
        throw files[0].Wrong("current-context", $"is not set, and no context was asked for{Others(files)}");
    }

    private static string Others(IReadOnlyList<YamlMap> files)
    {
        string[] names = [.. files.SelectMany(f => f.Maps("contexts")).Select(c => c.String("name")).OfType<string>().Distinct(StringComparer.Ordinal).Take(16)];
        return names.Length == 0 ? "" : $"; there is: {string.Join(", ", names)}";
    }

    private static YamlMap? Named(IReadOnlyList<YamlMap> files, string list, string content, string name)
    {
        foreach (YamlMap file in files)
        {
            if (file.Maps(list).FirstOrDefault(e => e.String("name") == name) is { } found) return found.Map(content) ?? throw found.Wrong(content, "is missing");
        }
        return null;
    }

    private static YamlMap ReadFile(string path)
    {
        string full = Path.GetFullPath(path);
        try
        {
            return YamlFile.Read(full, BoundedFile.ReadText(full, Largest));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            throw new ConfigurationException($"can't be read: {e.Message}", full, innerException: e);
        }
    }
}
