using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Bpf;

/// <summary>Pins and opens BPF objects in a BPF file system.</summary>
internal static class BpfPin
{
    internal const string Map = "bpf-map";
    internal const string Program = "bpf-prog";
    internal const string Link = "bpf-link";

    /// <summary>Pins a descriptor; the folder must exist on a bpffs.</summary>
    /// <exception cref="BpfException">EEXIST when the path is taken, EPERM when it is not on a bpffs.</exception>
    internal static void Pin(SafeHandle handle, string path, string what)
    {
        using DescriptorLease lease = new(handle);
        if (Libbpf.bpf_obj_pin(lease.Descriptor, path) < 0)
            throw new BpfException($"pin {what} at {path}", Marshal.GetLastPInvokeError());
    }

    /// <summary>Opens a pinned object and makes sure it is of the expected kind.</summary>
    /// <exception cref="BpfException">Nothing is pinned there (ENOENT) or it is another kind of object (EINVAL).</exception>
    internal static FileDescriptorHandle Open(string path, string kind)
    {
        int fd = Libbpf.bpf_obj_get(path);
        if (fd < 0) throw new BpfException($"open pinned {kind} {path}", Marshal.GetLastPInvokeError());
        FileDescriptorHandle handle = new(fd);
        string found = KindOf(fd);
        if (found == kind) return handle;
        handle.Dispose();
        throw new BpfException($"open pinned {kind} {path}", Errno.EINVAL, $"it is a {found}");
    }

    /// <summary>What a descriptor stands for, as the kernel names its anonymous inode.</summary>
    private static string KindOf(int fd)
    {
        string target = File.ResolveLinkTarget($"/proc/self/fd/{fd}", returnFinalTarget: false)?.FullName ?? "unknown object";
        // Kernels differ in spelling: "bpf-link" and "bpf_link".
        return target[(target.LastIndexOfAny(['/', ':']) + 1)..].Trim('[').TrimEnd(']').Replace('_', '-');
    }
}
