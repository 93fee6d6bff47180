namespace Culvert.Interop.Native;

/// <summary>sched.h: namespaces of the calling thread.</summary>
internal static unsafe partial class Libc
{
    /// <summary>ioctl of a namespace: the user namespace that owns it, as a descriptor (linux/nsfs.h).</summary>
    internal const int NS_GET_USERNS = 0xB701;
}
