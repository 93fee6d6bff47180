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
    internal const int MNT_DETACH = 2;

    /// <summary>f_type of a BPF file system (linux/magic.h).</summary>
    internal const long BPF_FS_MAGIC = 0xcafe4a11;

    /// <summary>f_type of the name space file system (linux/magic.h).</summary>
    internal const long NSFS_MAGIC = 0x6e736673;

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int mount(string? source, string target, string? type, ulong flags, string? data);

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int umount2(string target, int flags);

    /// <summary>Fills a struct statfs (120 bytes on 64-bit Linux) whose first machine word is f_type.</summary>
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statfs(string path, long* buffer);
}
