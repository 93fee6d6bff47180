using System.Globalization;
using Culvert.NodeAgent.Options;

namespace Culvert.NodeAgent.Hosting;

/// <summary>What the kernel lets this process do; capabilities(7).</summary>
public static class Capabilities
{
    private const int NetAdmin = 12;
    private const int SysPtrace = 19;
    private const int SysAdmin = 21;
    private const int SysNice = 23;
    private const int PerfMon = 38;
    private const int Bpf = 39;

    /// <summary>Fails when the agent's work would fail for want of a capability.</summary>
    /// <exception cref="AgentStartException">The message names what is missing.</exception>
    public static void Require()
    {
        IReadOnlyList<string> missing = Missing();
        if (missing.Count == 0) return;
        throw new AgentStartException(
            "privileges", $"this process lacks {string.Join(" and ", missing)}", "run it as root (sudo), or give the service or container these capabilities");
    }

    /// <summary>What this process lacks of what the agent needs, each capability with what it is for; root in a container may lack some, others may hold all.</summary>
    public static IReadOnlyList<string> Missing() => Missing(File.ReadLines("/proc/self/status"));

    /// <summary>Whether threads may go before others (CAP_SYS_NICE).</summary>
    internal static bool CanRaisePriority() => Has(Held(File.ReadLines("/proc/self/status")), SysNice);

    /// <summary>
    /// Whether this process can find the network namespaces of other processes of the node (CAP_SYS_PTRACE), which is how pods are found that are captured inside theirs. Whether it sees those processes
    /// is another matter.
    /// </summary>
    public static bool CanSeeNamespaces() => Has(Held(File.ReadLines("/proc/self/status")), SysPtrace);

    /// <summary>What is missing, by the lines of /proc/PID/status. To the kernel, CAP_SYS_ADMIN holds the two that were split from it in Linux 5.8.</summary>
    public static IReadOnlyList<string> Missing(IEnumerable<string> status)
    {
        ulong held = Held(status);
        List<string> missing = [];
        if (!Has(held, NetAdmin)) missing.Add("CAP_NET_ADMIN (routing rules, tc programs, transparent sockets)");
        if (!Has(held, SysAdmin) && !Has(held, Bpf)) missing.Add("CAP_BPF (programs and maps)");
        if (!Has(held, SysAdmin) && !Has(held, PerfMon)) missing.Add("CAP_PERFMON (programs that read kernel memory)");
        if (!Has(held, SysAdmin)) missing.Add("CAP_SYS_ADMIN (mounting a BPF file system, opening programs of the agent before by their id)");
        return missing;
    }

    private static bool Has(ulong held, int capability) => (held >> capability & 1) == 1;

    private static ulong Held(IEnumerable<string> status)
    {
        const string Field = "CapEff:";
        string line = status.FirstOrDefault(l => l.StartsWith(Field, StringComparison.Ordinal)) ?? throw new InvalidDataException($"/proc/self/status has no {Field}");
        return ulong.Parse(line.AsSpan(Field.Length).Trim(), NumberStyles.HexNumber, CultureInfo.InvariantCulture);
    }
}
