using Culvert.Bench.Measuring;

namespace Culvert.Bench.Report;

/// <summary>The machine the figures were taken on; they mean little without it.</summary>
/// <param name="Cores">Logical processors.</param>
/// <param name="CpuModel">As the kernel names it.</param>
/// <param name="Kernel">Kernel release.</param>
/// <param name="MemoryMegabytes">Physical memory.</param>
/// <param name="Runtime">.NET runtime.</param>
/// <param name="LoadBefore">Share of the machine in use just before the run, 0 to 1: above a few percent the figures are noisy.</param>
/// <param name="Taken">When, UTC.</param>
internal sealed record Machine(
    int Cores, string CpuModel, string Kernel, long MemoryMegabytes, string Runtime, double LoadBefore, DateTimeOffset Taken)
{
    public static Machine Read(double loadBefore)
    {
        string model = File.ReadLines("/proc/cpuinfo").FirstOrDefault(l => l.StartsWith("model name", StringComparison.Ordinal)) ?? "unknown";
        string memory = File.ReadLines("/proc/meminfo").First(l => l.StartsWith("MemTotal:", StringComparison.Ordinal));
        return new Machine(
            Environment.ProcessorCount,
            model[(model.IndexOf(':', StringComparison.Ordinal) + 1)..].Trim(),
            File.ReadAllText("/proc/sys/kernel/osrelease").Trim(),
            ProcFile.Kilobytes(memory) / 1024,
            System.Runtime.InteropServices.RuntimeInformation.FrameworkDescription,
            Math.Round(loadBefore, 3),
            TimeProvider.System.GetUtcNow());
    }
}
