using System.Text;

namespace Culvert.Cli.CommandLine;

/// <summary>How people call this program: <c>culvert</c>, or <c>kubectl culvert</c> where kubectl runs it as its plugin.</summary>
internal static class CalledAs
{
    private const string Name = "culvert";

    private static readonly bool IsPlugin = ReadIsPlugin();

    /// <summary>A line of help that begins with the program's name, or with <c>sudo</c> before it, as people type it.</summary>
    public static string Line(string line)
    {
        if (!IsPlugin) return line;
        var at = line.StartsWith("sudo ", StringComparison.Ordinal) ? "sudo ".Length : 0;
        return line.AsSpan(at).StartsWith(Name, StringComparison.Ordinal) ? line.Insert(at, "kubectl ") : line;
    }

    // The runtime does not tell by which name it was started.
    private static bool ReadIsPlugin()
    {
        try
        {
            return Path.GetFileName(Encoding.UTF8.GetString(File.ReadAllBytes("/proc/self/cmdline")).Split('\0')[0]) == $"kubectl-{Name}";
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return false;
        }
    }
}
