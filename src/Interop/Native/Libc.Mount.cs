using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

/// <summary>sys/mount.h and sys/statfs.h.</summary>
internal static unsafe partial class Libc
{
    internal const ulong MS_NOSUID = 2;
    internal const ulong MS_NODEV = 4;
    internal const ulong MS_NOEXEC = 8;
    internal const ulong MS_BIND = 4096;
    internal const ulong MS_REC = 16384;
    internal const ulong MS_PRIVATE = 1 << 18;
    internal const ulong MS_SHARED = 1 << 20;
    internal const ulong MS_RELATIME = 1 << 21;
    internal const ulong MS_RDONLY = 1;
    internal const ulong MS_REMOUNT = 32;
    internal const int MNT_DETACH = 2;

    /// <summary>Numbers of system calls without a function in the C library of Debian 12; the same on x86-64 and arm64 (asm-generic/unistd.h).</summary>
    internal const nint SYS_fsopen = 430, SYS_fsconfig = 431, SYS_fsmount = 432;

    /// <summary>linux/mount.h.</summary>
    internal const nint FSOPEN_CLOEXEC = 1, FSMOUNT_CLOEXEC = 1, FSCONFIG_CMD_CREATE = 6;

    /// <summary>f_type of a BPF file system (linux/magic.h).</summary>
    internal const long BPF_FS_MAGIC = 0xcafe4a11;

    /// <summary>f_type of the name space file system (linux/magic.h).</summary>
    internal const long NSFS_MAGIC = 0x6e736673;

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string? source, string target, string? type, ulong flags, string? data);

    /// <summary>fsopen(2).</summary>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint fsopen(nint number, string type, nint flags);

    /// <summary>fsconfig(2).</summary>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint fsconfig(nint number, nint descriptor, nint command, nint key, nint value, nint aux);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int umount2(string target, int flags);

    /// <summary>Fills a struct statfs (120 bytes on 64-bit Linux) whose first machine word is f_type.</summary>
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statfs(string path, long* buffer);
}
