using System.Globalization;
using Culvert.Interop;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Who holds a lock of flock(2), by <c>/proc/locks</c>.</summary>
internal static class FlockHolder
{
    /// <summary>
    /// Whether a file's lock is held by a process of this user or of root, or by nobody that can be found: only of somebody else it is certain that it is no agent.
    /// </summary>
    internal static bool IsTrusted(ulong inode)
    {
        foreach (string line in File.ReadLines("/proc/locks"))
        {
            // 1: FLOCK  ADVISORY  WRITE 1234 08:02:131090 0 EOF
            string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
            if (fields.Length < 6 || fields[1] != "FLOCK" || !fields[5].EndsWith(string.Create(CultureInfo.InvariantCulture, $":{inode}"), StringComparison.Ordinal)) continue;
            if (FileStatus.Of($"/proc/{fields[4]}") is { } process && process.Owner != 0 && process.Owner != FileStatus.EffectiveUser) return false;
        }

        return true;
    }
}
