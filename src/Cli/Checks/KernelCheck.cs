using Culvert.Interop.Bpf;

namespace Culvert.Cli.Checks;

/// <summary>What the kernel can do, found out by trying.</summary>
internal static class KernelCheck
{
    // What the agent does without: name of the feature, remedy.
    private static readonly Dictionary<string, string> Optional = new(StringComparer.Ordinal)
    {
        ["tcx"] = "nothing to do: clsact filters are used; Linux 6.6 or later has TCX links",
        ["bpffs"] = "nothing to do: the agent mounts it; by hand: mount -t bpf bpf /sys/fs/bpf",
    };

    private static readonly Dictionary<string, string> Remedies = new(StringComparer.Ordinal)
    {
        ["kernel-version"] = "boot Linux 5.10 or later",
        ["capabilities"] = "run as root, or grant CAP_BPF, CAP_PERFMON, CAP_NET_ADMIN and CAP_SYS_ADMIN",
        ["btf"] = "boot a kernel built with CONFIG_DEBUG_INFO_BTF=y (the distributions' own are)",
        ["ringbuf"] = "boot Linux 5.8 or later and run as root",
        ["sk_assign"] = "boot Linux 5.7 or later built with CONFIG_BPF_SYSCALL and CONFIG_INET",
        ["redirect_peer"] = "boot Linux 5.10 or later",
    };

    public static IReadOnlyList<Finding> Run() => [.. KernelFeatures.ProbeAll().Select(Judge)];

    private static Finding Judge(KernelFeature feature)
    {
        if (feature.Present)
        {
            return Finding.Ok(feature.Name, feature.Detail);
        }

        return Optional.TryGetValue(feature.Name, out var remedy)
            ? Finding.Warning(feature.Name, feature.Detail, remedy)
            : Finding.Error(feature.Name, feature.Detail, Remedies.GetValueOrDefault(feature.Name, "use a newer kernel"));
    }
}
