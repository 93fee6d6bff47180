using System.Globalization;

namespace Culvert.Bench.Measuring;

/// <summary>Reads "Name:   123 kB" lines of /proc.</summary>
internal static class ProcFile
{
    public static long Kilobytes(string line)
    {
        string[] fields = line.Split((char[])[' ', '\t'], StringSplitOptions.RemoveEmptyEntries);
        return long.Parse(fields[1], CultureInfo.InvariantCulture);
    }

    /// <summary>Resident set of a process in kilobytes: VmRSS of /proc/PID/status, shared pages included.</summary>
    public static long ResidentKilobytes(int pid) =>
        Kilobytes(File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmRSS:", StringComparison.Ordinal)));
}
