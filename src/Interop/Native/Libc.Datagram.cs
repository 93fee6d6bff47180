using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

// sys/socket.h, netinet/in.h, linux/udp.h: many datagrams in one call
internal static unsafe partial class Libc
{
    internal const int UDP_SEGMENT = 103;
    internal const int UDP_GRO = 104;

    /// <summary>Receives up to <paramref name="count"/> datagrams; returns how many there were.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int recvmmsg(int fd, mmsghdr* messages, uint count, int flags, void* timeout);

    /// <summary>Sends up to <paramref name="count"/> messages; returns how many went; -1 only when the first one failed.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int sendmmsg(int fd, mmsghdr* messages, uint count, int flags);

    /// <summary>struct iovec.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct iovec
    {
        public byte* iov_base;
        public nuint iov_len;
    }

    /// <summary>struct mmsghdr: a struct msghdr and the length of what was received. Its fields are changed where they lie, which properties do not allow.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct mmsghdr
    {
        public byte* msg_name;
        public uint msg_namelen;
        public iovec* msg_iov;
        public nuint msg_iovlen;
        public byte* msg_control;
        public nuint msg_controllen;
        public int msg_flags;
        private readonly int _pad;
        public uint msg_len;
    }

    /// <summary>struct cmsghdr; its data follows, aligned to a machine word.</summary>
    [StructLayout(LayoutKind.Sequential)]
    internal struct cmsghdr
    {
        public nuint cmsg_len;
        public int cmsg_level;
        public int cmsg_type;
    }
}
