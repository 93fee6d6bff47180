using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

/// <summary>sched.h: namespaces of the calling thread.</summary>
internal static unsafe partial class Libc
{
    internal const int CLONE_NEWNET = 0x40000000;
    internal const int CLONE_NEWNS = 0x00020000;

    /// <summary>ioctl of a namespace: the user namespace that owns it, as a descriptor (linux/nsfs.h).</summary>
    internal const nuint NS_GET_USERNS = 0xB701;

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setns(int fd, int nstype);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int unshare(int flags);
}
