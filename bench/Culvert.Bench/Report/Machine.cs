using Culvert.Bench.Measuring;

namespace Culvert.Bench.Report;

/// <summary>The machine the figures were taken on; they mean little without it.</summary>
/// <param name="Cores">Logical processors.</param>
/// <param name="CpuModel">As the kernel names it.</param>
/// <param name="Kernel">Kernel release.</param>
/// <param name="MemoryMegabytes">Physical memory.</param>
/// <param name="Runtime">.NET runtime of the bench, and of programs that are not native.</param>
/// <param name="LoadBefore">Share of the machine in use just before the run, 0 to 1: above a few percent the figures are noisy.</param>
/// <param name="Taken">When, UTC.</param>
/// <param name="Agent">How the agent was compiled.</param>
/// <param name="Controller">How the controller was compiled.</param>
internal sealed record Machine(
    int Cores, string CpuModel, string Kernel, long MemoryMegabytes, string Runtime, double LoadBefore, DateTimeOffset Taken, ProgramKind Agent, ProgramKind Controller)
{
    /// <param name="loadBefore">Share of the machine in use, 0 to 1.</param>
    /// <param name="agent">File of the agent.</param>
    /// <param name="controller">File of the controller.</param>
    /// <exception cref="IOException">A file cannot be read.</exception>
    public static Machine Read(double loadBefore, string agent, string controller)
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
            TimeProvider.System.GetUtcNow(),
            ProgramFile.KindOf(agent),
            ProgramFile.KindOf(controller));
    }
}
