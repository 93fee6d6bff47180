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
}
