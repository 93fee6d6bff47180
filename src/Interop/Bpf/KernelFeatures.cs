using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Bpf;

/// <summary>Finds out by trying what the kernel can do and what this process may do. Changes nothing.</summary>
public static unsafe class KernelFeatures
{
    private const int LeastFrame = 64; // bytes
    private const int LoopbackIndex = 1;
    private static readonly Version Floor = new(5, 10);

    private static readonly (string Name, int Bit)[] Needed = [("CAP_NET_ADMIN", 12), ("CAP_SYS_ADMIN", 21), ("CAP_PERFMON", 38), ("CAP_BPF", 39)];

    /// <summary>Tries everything.</summary>
    /// <param name="bpfFolder">A folder that is to be on a BPF file system.</param>
    /// <returns>One entry per feature, always in the same order.</returns>
    public static IReadOnlyList<KernelFeature> ProbeAll(string bpfFolder = BpfFs.DefaultMountPoint) =>
    [
        ProbeVersion(), ProbeCapabilities(), ProbeBtf(), ProbeBpfFs(bpfFolder), ProbeRingBuffer(), ProbeTcx(), ProbeSkAssign(), ProbeRedirectPeer(), ProbeLiveFrames(),
    ];

    /// <summary>Kernel 5.10 or later.</summary>
    /// <returns>"kernel-version".</returns>
    public static KernelFeature ProbeVersion()
    {
        string release = File.ReadAllText("/proc/sys/kernel/osrelease").Trim();
        string digits = string.Concat(release.TakeWhile(c => char.IsAsciiDigit(c) || c == '.')).TrimEnd('.');
        bool present = Version.TryParse(digits, out Version? version) && version >= Floor;
        return new("kernel-version", present, present ? $"Linux {release}" : $"Linux {release}; {Floor} or later is needed");
    }

    /// <summary>The effective capabilities of this process.</summary>
    /// <returns>"capabilities".</returns>
    public static KernelFeature ProbeCapabilities()
    {
        string line = File.ReadLines("/proc/self/status").First(l => l.StartsWith("CapEff:", StringComparison.Ordinal));
        ulong effective = Convert.ToUInt64(line["CapEff:".Length..].Trim(), 16);
        string[] missing = [.. Needed.Where(c => (effective & (1UL << c.Bit)) == 0).Select(c => c.Name)];
        return new("capabilities", missing.Length == 0, missing.Length == 0
            ? string.Join(", ", Needed.Select(c => c.Name))
            : $"missing {string.Join(", ", missing)}; run as root");
    }

    /// <summary>Type information of the kernel.</summary>
    /// <returns>"btf".</returns>
    public static KernelFeature ProbeBtf()
    {
        const string Path = "/sys/kernel/btf/vmlinux";
        return new("btf", File.Exists(Path), File.Exists(Path) ? Path : $"{Path} does not exist; the kernel was built without CONFIG_DEBUG_INFO_BTF");
    }

    /// <summary>A BPF file system at a folder, or where it would be made.</summary>
    /// <param name="folder">The folder.</param>
    /// <returns>"bpffs".</returns>
    public static KernelFeature ProbeBpfFs(string folder = BpfFs.DefaultMountPoint)
    {
        string there = Path.GetFullPath(folder);
        while (!Directory.Exists(there)) there = Path.GetDirectoryName(there)!; // the root is there
        bool mounted = BpfFs.IsMounted(there);
        return new("bpffs", mounted, mounted ? $"{folder} is on one" : $"{folder} is not on one");
    }

    /// <summary>BPF ring buffers (5.8).</summary>
    /// <returns>"ringbuf".</returns>
    public static KernelFeature ProbeRingBuffer()
    {
        int fd = Libbpf.bpf_map_create(bpf_map_type.BPF_MAP_TYPE_RINGBUF, "cv_probe", 0, 0, (uint)Environment.SystemPageSize, null);
        if (fd < 0) return new("ringbuf", false, Errno.Describe(Marshal.GetLastPInvokeError()));
        _ = LibC.close(fd);
        return new("ringbuf", true, "a ring buffer could be made");
    }

    /// <summary>TCX links (6.6): asks for one on an interface that cannot exist and looks at what is refused.</summary>
    /// <returns>"tcx".</returns>
    public static KernelFeature ProbeTcx()
    {
        int program = LoadTrivial(bpf_prog_type.BPF_PROG_TYPE_SCHED_CLS);
        if (program < 0) return new("tcx", false, $"a trivial classifier was refused: {Errno.Describe(-program)}");
        using FileDescriptorHandle handle = new(program);
        BpfSyscall.LinkCreate create = new() { prog_fd = program, target = int.MaxValue, attach_type = BpfSyscall.BPF_TCX_INGRESS };
        int result = BpfSyscall.Call(bpf_cmd.BPF_LINK_CREATE, ref create);
        return -result == Errno.ENODEV
            ? new("tcx", true, "TCX links work")
            : new("tcx", false, $"clsact is used instead: {Errno.Describe(-result)}");
    }

    /// <summary>bpf_sk_assign in classifiers (5.7).</summary>
    /// <returns>"sk_assign".</returns>
    public static KernelFeature ProbeSkAssign() => ProbeHelper("sk_assign", bpf_func_id.BPF_FUNC_sk_assign);

    /// <summary>bpf_redirect_peer in classifiers (5.10).</summary>
    /// <returns>"redirect_peer".</returns>
    public static KernelFeature ProbeRedirectPeer() => ProbeHelper("redirect_peer", bpf_func_id.BPF_FUNC_redirect_peer);

    /// <summary>Packets that are received as if an interface had brought them (5.18), see <see cref="BpfProgram.Inject"/>: tries one that a trivial program drops.</summary>
    /// <returns>"live_frames".</returns>
    public static KernelFeature ProbeLiveFrames()
    {
        const string Name = "live_frames";
        int loaded = LoadTrivial(bpf_prog_type.BPF_PROG_TYPE_XDP);
        if (loaded < 0) return new(Name, false, $"a trivial XDP program was refused: {Errno.Describe(-loaded)}");
        using BpfProgram program = new(new FileDescriptorHandle(loaded));
        try
        {
            program.Inject(new byte[LeastFrame], LoopbackIndex);
            return new(Name, true, "packets can be received in the name of an interface");
        }
        catch (BpfException e)
        {
            return new(Name, false, $"the agent can't try whether captured packets arrive: {Errno.Describe(e.Errno)}");
        }
    }

    private static KernelFeature ProbeHelper(string name, bpf_func_id helper)
    {
        int result = Libbpf.libbpf_probe_bpf_helper(bpf_prog_type.BPF_PROG_TYPE_SCHED_CLS, helper, null);
        return new(name, result == 1, result switch
        {
            1 => $"classifiers may call bpf_{name}",
            0 => $"this kernel has no bpf_{name} for classifiers",
            _ => $"could not be tried: {Errno.Describe(-result)}",
        });
    }

    private static int LoadTrivial(bpf_prog_type type)
    {
        // r0 = 0; exit: which an XDP program says of a packet that is to be dropped
        ReadOnlySpan<ulong> instructions = [0x00000000000000b7, 0x0000000000000095];
        fixed (ulong* code = instructions)
        fixed (byte* license = "GPL\0"u8)
        {
            BpfSyscall.ProgLoad load = new()
            {
                prog_type = (uint)type,
                insn_cnt = (uint)instructions.Length,
                insns = (ulong)code,
                license = (ulong)license,
            };
            return BpfSyscall.Call(bpf_cmd.BPF_PROG_LOAD, ref load);
        }
    }
}
