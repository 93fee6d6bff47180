using Culvert.NodeAgent.Hosting;

namespace Culvert.Cli.Checks;

/// <summary>Whether this process may do what the agent does: the capabilities count, as for the agent itself, and not the user.</summary>
internal static class PrivilegeCheck
{
    /// <summary>What to do about a privilege that is missing.</summary>
    public const string Remedy = "run as root, or grant CAP_NET_ADMIN, CAP_BPF, CAP_PERFMON and CAP_SYS_ADMIN";

    // The inode of the first PID namespace: PROC_PID_INIT_INO of the kernel's proc_ns.h.
    private const string FirstPidNamespace = "pid:[4026531836]";

    public static IReadOnlyList<Finding> Run() =>
        [Evaluate(Capabilities.Missing()), EvaluateNamespaces(Capabilities.CanSeeNamespaces(), new FileInfo("/proc/self/ns/pid").LinkTarget == FirstPidNamespace)];

    /// <summary>Evaluates what is missing.</summary>
    internal static Finding Evaluate(IReadOnlyList<string> missing) => missing.Count == 0
        ? Finding.Ok("privileges", "this process has the capabilities that the agent needs")
        : Finding.Error("privileges", $"this process lacks {string.Join(" and ", missing)}", Remedy);

    /// <summary>Evaluates whether the network namespaces of the node's pods can be found.</summary>
    /// <param name="mayLook">Whether this process may look at those of other processes.</param>
    /// <param name="seesAll">Whether its <c>/proc</c> shows the processes of the node.</param>
    internal static Finding EvaluateNamespaces(bool mayLook, bool seesAll)
    {
        if (mayLook && seesAll) return Finding.Ok("pod-namespaces", "the network namespaces of the node's processes can be looked at");
        string[] missing = [.. mayLook ? Array.Empty<string>() : ["lacks CAP_SYS_PTRACE"], .. seesAll ? Array.Empty<string>() : ["does not see the node's processes"]];
        return Finding.Warning(
            "pod-namespaces",
            $"this process {string.Join(" and ", missing)}: pods that are captured inside their network namespaces (Cilium, Dataplane V2, macvlan, ipvlan) are not found, but where they are mounted below /run/netns",
            "grant CAP_SYS_PTRACE and, in a pod, set `hostPID: true`; needless where the node's end of every pod's interface is the agent's to share");
    }
}
