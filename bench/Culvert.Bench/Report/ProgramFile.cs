using Culvert.Bench.Measuring;

namespace Culvert.Bench.Report;

/// <summary>The programs that are measured.</summary>
internal static class ProgramFile
{
    public const string Agent = "culvert-agent", Controller = "culvert-controller";

    // Every host program of the runtime has this signature in its data: a bundle would be announced before it.
    private static readonly byte[] HostMarker = Convert.FromHexString("8B1202B96A612038727B930214D7A03213F5B9E6EFAE3318EE3B2DCE24B36AAE");

    private static readonly string[] SourceFolders = ["src", "bpf", "deploy"];

    /// <summary>Tells a host of managed code from a program compiled ahead of time.</summary>
    /// <exception cref="BenchInvalidException">There is no such file.</exception>
    /// <exception cref="IOException">The file cannot be read.</exception>
    public static ProgramKind KindOf(string file)
    {
        if (!File.Exists(file)) throw new BenchInvalidException($"There is no program {file}: build it, or name another with --programs, --agent or --controller.");
        return File.ReadAllBytes(file).AsSpan().IndexOf(HostMarker) >= 0 ? ProgramKind.Managed : ProgramKind.Native;
    }

    /// <summary>The folder with published programs, or null when these are missing or older than their sources.</summary>
    /// <param name="root">The root of the source tree.</param>
    /// <remarks>A source that is newer means that nobody has published since: eng/build-cli.sh touches what it publishes.</remarks>
    public static string? PublishedFolder(string root)
    {
        string folder = Path.Combine(root, "artifacts", "cli");
        string[] programs = [Path.Combine(folder, Agent), Path.Combine(folder, Controller)];
        string stamp = Path.Combine(folder, "culvert");
        if (!programs.Append(stamp).All(File.Exists)) return null;
        DateTime published = File.GetLastWriteTimeUtc(stamp);
        IEnumerable<string> settings = Directory.EnumerateFiles(root, "Directory.*.props").Append(Path.Combine(root, "global.json"));
        bool stale = settings.Any(f => File.GetLastWriteTimeUtc(f) > published)
            || SourceFolders.Any(f => AnyNewer(new DirectoryInfo(Path.Combine(root, f)), published));
        return stale ? null : folder;
    }

    private static bool AnyNewer(DirectoryInfo folder, DateTime than) =>
        folder.Exists && folder.EnumerateFileSystemInfos().Any(e => e is DirectoryInfo inner
            ? inner.Name is not ("bin" or "obj") && AnyNewer(inner, than)
            : e.LastWriteTimeUtc > than);
}
