namespace Culvert.Cli.Removal;

/// <summary>Folders that something is mounted on, as those of the host are in a container: they can be emptied and not removed.</summary>
internal static class MountPoint
{
    /// <summary>Whether a folder is one, as this process sees it.</summary>
    /// <param name="folder">The folder.</param>
    /// <exception cref="IOException">What is mounted can't be read.</exception>
    public static bool Is(string folder) => Is(folder, File.ReadLines("/proc/self/mountinfo"));

    /// <summary>Whether a folder is one.</summary>
    /// <param name="folder">The folder.</param>
    /// <param name="mounts">Lines of mountinfo (proc(5)).</param>
    internal static bool Is(string folder, IEnumerable<string> mounts)
    {
        // Spaces, tabs, line ends and backslashes are escaped there.
        var name = Path.TrimEndingDirectorySeparator(Path.GetFullPath(folder)).Replace("\\", "\\134", StringComparison.Ordinal).Replace(" ", "\\040", StringComparison.Ordinal).Replace("\t", "\\011", StringComparison.Ordinal).Replace("\n", "\\012", StringComparison.Ordinal);
        return mounts.Any(m => m.Split(' ') is { Length: > 4 } fields && fields[4] == name);
    }
}
