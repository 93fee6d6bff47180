using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

/// <summary>sched.h: namespaces of the calling thread.</summary>
internal static unsafe partial class Libc
{
    internal const int CLONE_NEWNET = 0x40000000;

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setns(int fd, int nstype);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int unshare(int flags);
}
