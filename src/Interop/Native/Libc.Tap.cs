namespace Culvert.Interop.Native;

// linux/if_tun.h, fcntl.h
internal static unsafe partial class Libc
{
    internal const int TUNSETIFF = 0x400454CA;
    internal const ushort IFF_TAP = 0x0002;
    internal const ushort IFF_NO_PI = 0x1000;

    internal const int IFNAMSIZ = 16;

    /// <summary>Length of struct ifreq, whose flags follow the name.</summary>
    internal const int InterfaceRequestLength = 40;
}
