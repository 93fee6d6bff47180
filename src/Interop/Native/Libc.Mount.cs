using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Tmds.Linux;

namespace Culvert.Interop.Native;

/// <summary>sys/mount.h and sys/statfs.h.</summary>
internal static unsafe partial class Libc
{
    /// <summary>Numbers of system calls without a function in the C library of Debian 12; the same on x86-64 and arm64 (asm-generic/unistd.h).</summary>
    internal const int SYS_fsopen = 430, SYS_fsconfig = 431, SYS_fsmount = 432;

    /// <summary>linux/mount.h.</summary>
    internal const int FSOPEN_CLOEXEC = 1, FSMOUNT_CLOEXEC = 1, FSCONFIG_CMD_CREATE = 6;

    /// <summary>f_type of a BPF file system (linux/magic.h).</summary>
    internal const long BPF_FS_MAGIC = 0xcafe4a11;

    /// <summary>f_type of the name space file system (linux/magic.h).</summary>
    internal const long NSFS_MAGIC = 0x6e736673;

    internal static int mount(string? source, string target, string? type, ulong flags, string? data)
    {
        byte* nativeSource = Utf8StringMarshaller.ConvertToUnmanaged(source), nativeTarget = Utf8StringMarshaller.ConvertToUnmanaged(target);
        byte* nativeType = Utf8StringMarshaller.ConvertToUnmanaged(type), nativeData = Utf8StringMarshaller.ConvertToUnmanaged(data);
        int result = LibC.mount(nativeSource, nativeTarget, nativeType, (ulong_t)flags, nativeData);
        Utf8StringMarshaller.Free(nativeSource);
        Utf8StringMarshaller.Free(nativeTarget);
        Utf8StringMarshaller.Free(nativeType);
        Utf8StringMarshaller.Free(nativeData);
        return result;
    }

    /// <summary>fsopen(2).</summary>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial nint fsopen(nint number, string type, nint flags);

    /// <summary>fsconfig(2).</summary>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint fsconfig(nint number, nint descriptor, nint command, nint key, nint value, nint aux);

    internal static int umount2(string target, int flags)
    {
        byte* native = Utf8StringMarshaller.ConvertToUnmanaged(target);
        int result = LibC.umount2(native, flags);
        Utf8StringMarshaller.Free(native);
        return result;
    }

    /// <summary>Fills a struct statfs (120 bytes on 64-bit Linux) whose first machine word is f_type.</summary>
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statfs(string path, long* buffer);
}
