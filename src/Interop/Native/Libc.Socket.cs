using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

// sys/socket.h, netinet/in.h, netinet/tcp.h
internal static unsafe partial class Libc
{
    internal const int AF_INET = 2;
    internal const int AF_INET6 = 10;
    internal const int SOCK_STREAM = 1;
    internal const int SOCK_DGRAM = 2;
    internal const int SOCK_NONBLOCK = 0x800;
    internal const int SOCK_CLOEXEC = 0x80000;
    internal const int MSG_PEEK = 0x2;
    internal const int MSG_NOSIGNAL = 0x4000;

    internal const int SOL_SOCKET = 1;
    internal const int SO_REUSEADDR = 2;
    internal const int SO_ERROR = 4;
    internal const int SO_SNDBUF = 7;
    internal const int SO_RCVBUF = 8;
    internal const int SO_KEEPALIVE = 9;
    internal const int SO_OOBINLINE = 10;
    internal const int SO_LINGER = 13;
    internal const int SO_REUSEPORT = 15;
    internal const int SO_MARK = 36;
    internal const int SO_ATTACH_BPF = 50;

    internal const int IPPROTO_IP = 0;
    internal const int IP_FREEBIND = 15;
    internal const int IP_TRANSPARENT = 19;
    internal const int IP_BIND_ADDRESS_NO_PORT = 24;
    internal const int IP_LOCAL_PORT_RANGE = 51;

    internal const int IPPROTO_IPV6 = 41;
    internal const int IPV6_V6ONLY = 26;
    internal const int IPV6_TRANSPARENT = 75;
    internal const int IPV6_FREEBIND = 78;

    internal const int IPPROTO_TCP = 6;
    internal const int IPPROTO_UDP = 17;
    internal const int IPPROTO_RAW = 255;
    internal const int TCP_NODELAY = 1;
    internal const int TCP_KEEPIDLE = 4;
    internal const int TCP_KEEPINTVL = 5;
    internal const int TCP_KEEPCNT = 6;
    internal const int TCP_CONGESTION = 13;
    internal const int TCP_THIN_LINEAR_TIMEOUTS = 16;
    internal const int TCP_USER_TIMEOUT = 18;
    internal const int TCP_INFO = 11;
    internal const int TCP_NOTSENT_LOWAT = 25;
    internal const int TCP_RTO_MIN_US = 45;

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int socket(int domain, int type, int protocol);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int bind(int fd, byte* address, uint length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int listen(int fd, int backlog);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int connect(int fd, byte* address, uint length);

    /// <summary>Accepts one connection; the descriptor carries the SOCK_* flags given.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int accept4(int fd, byte* address, uint* length, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint recv(int fd, byte* buffer, nuint length, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint recvfrom(int fd, byte* buffer, nuint length, int flags, byte* address, uint* addressLength);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint send(int fd, byte* buffer, nuint length, int flags);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint sendto(int fd, byte* buffer, nuint length, int flags, byte* address, uint addressLength);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int shutdown(int fd, int how);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setsockopt(int fd, int level, int name, void* value, uint length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getsockopt(int fd, int level, int name, void* value, uint* length);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getsockname(int fd, byte* address, uint* length);

    /// <summary>struct linger.</summary>
    internal struct Linger
    {
        internal int OnOff;
        internal int Seconds;
    }
}
