using System.Globalization;

namespace Culvert.Bench.Measuring;

/// <summary>
/// CPU time of the whole machine. Only the whole machine counts what a mesh costs in interrupts and softirqs, which no process is charged for;
/// load program and application are in it too, the same on both sides.
/// </summary>
internal static class CpuClock
{
    /// <summary>What /proc counts CPU time in.</summary>
    internal const double TicksPerSecond = 100; // USER_HZ, fixed by the kernel's ABI on every architecture .NET runs on

    /// <summary>Seconds of CPU spent since boot by everything except idling, waiting for disks, and other guests of the host.</summary>
    public static double BusySeconds() => ParseBusySeconds(File.ReadLines("/proc/stat").First());

    /// <summary>Parses the first line of /proc/stat (proc(5)): user nice system idle iowait irq softirq steal ...</summary>
    internal static double ParseBusySeconds(string line)
    {
        string[] fields = line.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        if (fields.Length < 8 || fields[0] != "cpu") throw new FormatException($"Not the summary line of /proc/stat: {line}");
        long Ticks(int i) => long.Parse(fields[i], CultureInfo.InvariantCulture);
        return (Ticks(1) + Ticks(2) + Ticks(3) + Ticks(6) + Ticks(7)) / TicksPerSecond;
    }
}
