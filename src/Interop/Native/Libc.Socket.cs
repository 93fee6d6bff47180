namespace Culvert.Interop.Native;

// sys/socket.h, netinet/in.h, netinet/tcp.h
internal static unsafe partial class Libc
{
    internal const int AF_INET = 2;
    internal const int AF_INET6 = 10;

    internal const int IP_LOCAL_PORT_RANGE = 51;

    internal const int TCP_RTO_MIN_US = 45;
}
