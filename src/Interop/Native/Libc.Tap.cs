using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

// linux/if_tun.h, fcntl.h
internal static unsafe partial class Libc
{
    internal const int O_RDWR = 2;
    internal const int O_NONBLOCK = 0x800;

    internal const nuint TUNSETIFF = 0x400454CA;
    internal const ushort IFF_TAP = 0x0002;
    internal const ushort IFF_NO_PI = 0x1000;

    internal const int IFNAMSIZ = 16;

    /// <summary>Length of struct ifreq, whose flags follow the name.</summary>
    internal const int InterfaceRequestLength = 40;

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int ioctl(int fd, nuint request, void* argument);
}
