using Culvert.Interop;
using Culvert.Interop.Bpf;
using Culvert.NodeAgent.Hosting;

namespace Culvert.Cli.Checks;

/// <summary>What the kernel can do, found out by trying.</summary>
internal static class KernelCheck
{
    // What the agent does without: name of the feature, remedy.
    private static readonly Dictionary<string, string> Optional = new(StringComparer.Ordinal)
    {
        ["tcx"] = "nothing to do: clsact filters are used; Linux 6.6 or later has TCX links",
        ["live_frames"] = "read what is said here of the node's packet filter and routing rules: that these let captured packets through is not tried; Linux 5.18 or later can",
        ["bpffs"] = "nothing to do: the agent mounts one there; by hand: mount -t bpf bpf FOLDER",
    };

    private static readonly Dictionary<string, string> Remedies = new(StringComparer.Ordinal)
    {
        ["kernel-version"] = "boot Linux 5.10 or later",
        ["btf"] = "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (the distributions' own are)",
        ["ringbuf"] = "boot Linux 5.8 or later",
        ["sk_assign"] = "boot Linux 5.7 or later built with CONFIG_BPF_SYSCALL and CONFIG_INET",
        ["redirect_peer"] = "boot Linux 5.10 or later",
    };

    // What is found out by having the kernel make or load something, which it may refuse for want of a privilege.
    private static readonly HashSet<string> Tried = new(["ringbuf", "tcx", "sk_assign", "redirect_peer", "live_frames"], StringComparer.Ordinal);

    public static IReadOnlyList<Finding> Run(string bpfFolder)
    {
        var privileged = Capabilities.Missing().Count == 0;

        // Capabilities are for the check of privileges, which does as the agent does.
        return [.. KernelFeatures.ProbeAll(bpfFolder).Where(f => f.Name != "capabilities").Select(f => Evaluate(f, privileged))];
    }

    /// <summary>Evaluates one feature; what an unprivileged process tried says nothing about the kernel, whether it seemed to work or not.</summary>
    internal static Finding Evaluate(KernelFeature feature, bool privileged)
    {
        var optional = Optional.TryGetValue(feature.Name, out var remedy);
        if (Tried.Contains(feature.Name) && (!privileged || (!feature.Present && feature.Detail.Contains(Errno.Name(Errno.EPERM), StringComparison.Ordinal))))
        {
            var detail = $"could not be tried{(feature.Present ? "" : $": {feature.Detail}")}";
            remedy = privileged ? "let the container's seccomp profile or the security module allow bpf(2)" : PrivilegeCheck.Remedy;
            return optional ? Finding.Warning(feature.Name, detail, remedy) : Finding.Error(feature.Name, detail, remedy);
        }

        if (feature.Present)
        {
            return Finding.Ok(feature.Name, feature.Detail);
        }

        return optional
            ? Finding.Warning(feature.Name, feature.Detail, remedy!)
            : Finding.Error(feature.Name, feature.Detail, Remedies.GetValueOrDefault(feature.Name, "use a newer kernel"));
    }
}
