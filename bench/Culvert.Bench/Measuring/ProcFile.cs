using System.Globalization;

namespace Culvert.Bench.Measuring;

/// <summary>Reads what /proc says of processes.</summary>
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

    /// <summary>The most that was ever resident of a process in kilobytes: VmHWM of /proc/PID/status.</summary>
    public static long PeakResidentKilobytes(int pid) =>
        Kilobytes(File.ReadLines($"/proc/{pid}/status").First(l => l.StartsWith("VmHWM:", StringComparison.Ordinal)));

    /// <summary>Whether anybody listens at a TCP port in the network namespace of a process.</summary>
    public static bool Listens(int pid, ushort port)
    {
        // Fields of a line: its number, the local and the remote address and port in hexadecimal, and the state, which is 0A of a listener (linux/net/ipv4/tcp_ipv4.c, get_tcp4_sock).
        string end = $":{port:X4}";
        string[] files = [$"/proc/{pid}/net/tcp", $"/proc/{pid}/net/tcp6"];
        return files.Where(File.Exists).SelectMany(File.ReadLines).Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries))
            .Any(fields => fields.Length > 3 && fields[3] == "0A" && fields[1].EndsWith(end, StringComparison.Ordinal));
    }

    /// <summary>CPU seconds that a process has spent, those of its threads that have ended included.</summary>
    public static double CpuSeconds(int pid) => ParseCpuSeconds(File.ReadAllText($"/proc/{pid}/stat"));

    /// <summary>Parses /proc/PID/stat (proc(5)): the name in parentheses may hold anything; utime and stime are the 12th and 13th field behind it.</summary>
    internal static double ParseCpuSeconds(string stat)
    {
        string[] fields = stat[(stat.LastIndexOf(')') + 1)..].Split(' ', StringSplitOptions.RemoveEmptyEntries);
        return (long.Parse(fields[11], CultureInfo.InvariantCulture) + long.Parse(fields[12], CultureInfo.InvariantCulture)) / CpuClock.TicksPerSecond;
    }

    /// <summary>Processes that the main thread of a process has started and that still run.</summary>
    public static IReadOnlyList<int> Children(int pid) =>
        [.. File.ReadAllText($"/proc/{pid}/task/{pid}/children").Split(' ', StringSplitOptions.RemoveEmptyEntries).Select(p => int.Parse(p, CultureInfo.InvariantCulture))];
}
