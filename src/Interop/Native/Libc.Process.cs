namespace Culvert.Interop.Native;

/// <summary>sys/pidfd.h, and what a Unix socket knows of the process at its other end (unix(7), socket(7)).</summary>
internal static unsafe partial class Libc
{
    /// <summary>A descriptor of the process at the other end; Linux 6.5.</summary>
    internal const int SO_PEERPIDFD = 77;

    // The same on all architectures.
    internal const int SYS_pidfd_send_signal = 424;
    internal const int SYS_pidfd_open = 434;
}
