namespace Culvert.Tests.Shared;

/// <summary>The threads of this process, by name.</summary>
internal static class RunningThreads
{
    /// <summary>One entry for each thread whose name begins so; the kernel keeps 15 characters of a name.</summary>
    public static List<string> Named(string prefix) => [.. Directory.GetDirectories("/proc/self/task").Select(ReadName).OfType<string>().Where(n => n.StartsWith(prefix, StringComparison.Ordinal))];

    private static string? ReadName(string thread)
    {
        try
        {
            return File.ReadAllText(Path.Combine(thread, "comm")).TrimEnd();
        }
        catch (IOException)
        {
            return null; // it has ended meanwhile
        }
    }
}
