using System.Runtime.InteropServices;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Bpf;

/// <summary>BPF file systems, where pins live.</summary>
public static unsafe class BpfFs
{
    /// <summary>Where distributions mount it.</summary>
    public const string DefaultMountPoint = "/sys/fs/bpf";

    private const int StatfsWords = 32;

    /// <summary>Whether a path lies on a BPF file system.</summary>
    /// <param name="path">Any path.</param>
    /// <returns>False also when the path does not exist.</returns>
    /// <exception cref="KernelException">The path cannot be looked at.</exception>
    public static bool IsMounted(string path)
    {
        long* buffer = stackalloc long[StatfsWords];
        if (Libc.statfs(path, buffer) == 0) return buffer[0] == Libc.BPF_FS_MAGIC;
        int errno = Marshal.GetLastPInvokeError();
        return errno == Errno.ENOENT ? false : throw new KernelException($"look at the file system of {path}", errno);
    }

    /// <summary>Mounts a BPF file system unless the path lies on one already. Makes the folder.</summary>
    /// <param name="path">The mount point.</param>
    /// <returns>True when it was mounted now.</returns>
    /// <exception cref="KernelException">EPERM without CAP_SYS_ADMIN.</exception>
    public static bool Mount(string path = DefaultMountPoint)
    {
        if (IsMounted(path)) return false;
        Directory.CreateDirectory(path);
        if (Libc.mount("bpf", path, "bpf", LibC.MS_NOSUID | LibC.MS_NODEV | LibC.MS_NOEXEC | LibC.MS_RELATIME, "mode=0700") == 0) return true;
        throw new KernelException($"mount a BPF file system at {path}", Marshal.GetLastPInvokeError());
    }

    /// <summary>Unmounts a BPF file system; its pins go with it.</summary>
    /// <param name="path">The mount point.</param>
    /// <exception cref="KernelException">It is no mount point (EINVAL), or the right is missing.</exception>
    public static void Unmount(string path)
    {
        if (Libc.umount2(path, LibC.MNT_DETACH) != 0) throw new KernelException($"unmount {path}", Marshal.GetLastPInvokeError());
    }

    /// <summary>Removes the pins below a folder, and the folder. What no descriptor holds then goes away.</summary>
    /// <param name="path">A folder on a BPF file system; nothing happens when it does not exist.</param>
    /// <returns>How many pins there were.</returns>
    /// <exception cref="ArgumentException">The folder lies on another file system.</exception>
    public static int UnpinTree(string path)
    {
        if (!Directory.Exists(path)) return 0;
        if (!IsMounted(path)) throw new ArgumentException($"{path} does not lie on a BPF file system; nothing was removed", nameof(path));
        int pins = 0;
        foreach (string folder in Directory.GetDirectories(path)) pins += UnpinTree(folder);
        foreach (string file in Directory.GetFiles(path))
        {
            File.Delete(file);
            pins++;
        }
        // The root of the mount itself stays.
        if (IsMounted(Path.GetDirectoryName(Path.GetFullPath(path))!)) Directory.Delete(path);
        return pins;
    }
}
