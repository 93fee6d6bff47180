using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

/// <summary>sys/pidfd.h, and what a Unix socket knows of the process at its other end (unix(7), socket(7)).</summary>
internal static unsafe partial class Libc
{
    internal const int SO_PEERCRED = 17;

    /// <summary>A descriptor of the process at the other end; Linux 6.5.</summary>
    internal const int SO_PEERPIDFD = 77;

    // The same on all architectures.
    internal const nint SYS_pidfd_send_signal = 424;
    internal const nint SYS_pidfd_open = 434;

    /// <summary>The generic system call with four arguments.</summary>
    [LibraryImport(Library, EntryPoint = "syscall", SetLastError = true)]
    internal static partial nint syscall_4(nint number, nint a, nint b, nint c, nint d);

    /// <summary>struct ucred.</summary>
    internal struct PeerCredentials
    {
        internal int Process;
        internal uint User;
        internal uint Group;
    }
}
