using Culvert.Interop.Bpf;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Programs that are attached to netfilter's hooks by BPF links (kernel 6.4): they decide about packets as rules do, and no rule tells of them. Thread-safe.</summary>
internal static class NetfilterPrograms
{
    /// <summary>Lists them, for people. The kernel does not say in which network namespace one is: any of the machine's counts.</summary>
    /// <exception cref="BpfException">EPERM without CAP_SYS_ADMIN.</exception>
    internal static IEnumerable<string> List() => BpfLink.ListInfos().Where(l => l.Type == BpfLinkInfo.NetfilterType).Select(l => $"BPF program {l.ProgramId} at a hook of netfilter");
}
