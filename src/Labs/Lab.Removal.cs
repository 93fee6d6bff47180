using System.Globalization;

namespace Culvert.Labs;

public sealed partial class Lab
{
    private const string OwnerFileName = "owner";
    private const string KeepFileName = "keep";
    private const string UnreadyPrefix = ".";

    // A lab with a container runtime in it has gigabytes in many files: 13 s on a quiet machine, more than 30 beside others.
    private static readonly TimeSpan LongestRemoval = TimeSpan.FromSeconds(120);

    private string KeepFile => Path.Combine(Folder, KeepFileName);

    /// <summary>Removes labs whose owner was killed. Labs of running owners and kept ones stay.</summary>
    /// <param name="root">The folder of labs; see <see cref="LabOptions.Root"/>.</param>
    /// <returns>Ids of the labs removed.</returns>
    public static Task<IReadOnlyList<string>> RemoveStaleAsync(string root = DefaultRoot) =>
        RemoveWhereAsync(root, folder => !File.Exists(Path.Combine(folder, KeepFileName)) && !OwnerRuns(folder));

    /// <summary>Removes every lab that no running process owns, kept ones too. Folders that are no labs stay.</summary>
    /// <param name="root">The folder of labs, see <see cref="LabOptions.Root"/>; or that of one lab, which alone is removed then.</param>
    /// <returns>Ids of the labs removed.</returns>
    public static Task<IReadOnlyList<string>> RemoveAllAsync(string root = DefaultRoot) =>
        RemoveWhereAsync(root, folder => !OwnerRuns(folder));

    private static async Task<IReadOnlyList<string>> RemoveWhereAsync(string root, Func<string, bool> condition)
    {
        if (!Directory.Exists(root))
        {
            return [];
        }

        var removed = new List<string>();
        var full = Path.TrimEndingDirectorySeparator(Path.GetFullPath(root));
        foreach (var folder in (IsLab(full) ? [full] : Directory.GetDirectories(full).Where(IsLab)).Where(condition))
        {
            var id = Path.GetFileName(folder);
            await RemoveAsync(folder, NamePrefix + id + "-");
            removed.Add(id);
        }

        return removed;
    }

    // By its name and its owner's file, which is there from its first moment to its last.
    private static bool IsLab(string folder) => Path.GetFileName(folder) is { Length: IdLength } id && id.All(IdAlphabet.Contains) && File.Exists(Path.Combine(folder, OwnerFileName));

    // Works from names alone, so that it also serves for labs of processes that are gone. Ends every process that lives in the
    // lab's namespaces but this one and those that wait for it, as the shell in which it was typed: a namespace without a name lasts as long as they do.
    private static async Task RemoveAsync(string folder, string prefix)
    {
        var script = $$"""
            # Two that find the same lab at once take turns, and the second finds nothing left.
            if command exec 9<'{{folder}}'; then flock 9; fi 2>/dev/null
            others() {
              found=
              for pid in $(ip netns pids "$1" || true); do
                case " {{string.Join(' ', OwnAncestry())}} $$ " in
                  *" $pid "*) ;;
                  *) if [ -d "/proc/$pid" ]; then found="$found $pid"; fi ;;
                esac
              done
            }
            names=$(ip netns list | cut -d' ' -f1 | grep '^{{prefix}}' || true)
            for signal in TERM KILL; do
              for name in $names; do
                others "$name"
                if [ -n "$found" ]; then kill -s $signal $found 2>/dev/null || true; fi
              done
              for try in 1 2 3 4 5 6 7 8 9 10 11 12 13 14 15 16 17 18 19 20; do
                left=
                for name in $names; do others "$name"; left="$left$found"; done
                if [ -z "$left" ]; then break 2; fi
                sleep 0.05
              done
            done
            # What programs left to the kernel to close, and what nobody answers, would keep the namespace and the programs at its sockets for minutes. Kernels without
            # INET_DIAG_DESTROY wait.
            for name in $names; do nsenter --net="/run/netns/$name" ss -K --tcp >/dev/null 2>&1 || true; done
            for name in $names; do ip netns delete "$name"; done
            for point in $(grep -o ' {{folder}}/[^ ]* bpf ' /proc/mounts | cut -d' ' -f2 || true); do umount "$point"; done
            if [ -d '{{folder}}' ]; then find '{{folder}}' -xdev -mindepth 1 ! -path '{{folder}}/{{OwnerFileName}}' -delete; fi
            rm -rf --one-file-system '{{folder}}'
            rmdir --ignore-fail-on-non-empty '{{Path.GetDirectoryName(folder)}}' 2>/dev/null || true
            if [ '{{Path.GetDirectoryName(folder)}}' = '{{DefaultRoot}}' ]; then rmdir --ignore-fail-on-non-empty '{{Path.GetDirectoryName(DefaultRoot)}}' 2>/dev/null || true; fi
            """;
        await Tool.RequireAsync("sh", ["-eu"], script, LongestRemoval, CancellationToken.None);
    }

    private static string OwnerOfThisProcess() =>
        string.Create(CultureInfo.InvariantCulture, $"{Environment.ProcessId} {StartTime(Environment.ProcessId)}");

    private static bool OwnerRuns(string folder)
    {
        string text;
        try
        {
            text = File.ReadAllText(Path.Combine(folder, OwnerFileName));
        }
        catch (Exception e) when (e is FileNotFoundException or DirectoryNotFoundException)
        {
            return false;
        }

        var parts = text.Split(' ');
        return parts.Length == 2
            && int.TryParse(parts[0], CultureInfo.InvariantCulture, out var pid)
            && StartTime(pid) is { } time
            && time == parts[1].Trim();
    }

    private static List<int> OwnAncestry()
    {
        List<int> ancestry = [];
        for (var pid = Environment.ProcessId; pid > 0;)
        {
            ancestry.Add(pid);
            pid = StatFields(pid) is [_, var parent, ..] ? int.Parse(parent, CultureInfo.InvariantCulture) : 0;
        }

        return ancestry;
    }

    // Field 22 of /proc/pid/stat tells a process from a later one with the same id.
    private static string? StartTime(int pid) => StatFields(pid)?[19];

    // The fields of /proc/pid/stat from the third, the state, on: the name in the second may hold blanks. Null when there is no such process.
    private static string[]? StatFields(int pid)
    {
        var path = string.Create(CultureInfo.InvariantCulture, $"/proc/{pid}/stat");
        if (!File.Exists(path))
        {
            return null;
        }

        var stat = File.ReadAllText(path);
        return stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
    }
}
