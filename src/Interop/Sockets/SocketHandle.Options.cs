using System.Runtime.InteropServices;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Sockets;

public sealed partial class SocketHandle
{
    /// <summary>The address this side has; for a transparently accepted connection, where the client wanted to go.</summary>
    /// <param name="local">The address, when None is returned.</param>
    public unsafe SocketErrno GetLocalEndPoint(out SocketEndPoint local)
    {
        byte* address = stackalloc byte[SocketAddressCodec.MaxSize];
        socklen_t length = SocketAddressCodec.MaxSize;
        local = default;
        if (LibC.getsockname(Fd, (sockaddr*)address, &length) < 0) return LastError();
        return SocketAddressCodec.TryRead(new ReadOnlySpan<byte>(address, (int)length), out local) ? SocketErrno.None : SocketErrno.InvalidArgument;
    }

    /// <summary>Takes the pending error from the socket (SO_ERROR), as after a non-blocking connect.</summary>
    public unsafe SocketErrno TakeError()
    {
        int error = 0;
        socklen_t length = sizeof(int);
        return LibC.getsockopt(Fd, LibC.SOL_SOCKET, LibC.SO_ERROR, &error, &length) < 0 ? LastError() : (SocketErrno)error;
    }

    /// <summary>Sends small writes at once (TCP_NODELAY). Accepted sockets inherit it from the listener.</summary>
    public SocketErrno SetNoDelay() => SetOption(LibC.IPPROTO_TCP, LibC.TCP_NODELAY, 1);

    /// <summary>Lets a listener bind while old connections of its port linger (SO_REUSEADDR).</summary>
    public SocketErrno SetReuseAddress() => SetOption(LibC.SOL_SOCKET, LibC.SO_REUSEADDR, 1);

    /// <summary>Lets several listeners share a port; the kernel spreads connections over them (SO_REUSEPORT).</summary>
    public SocketErrno SetReusePort() => SetOption(LibC.SOL_SOCKET, LibC.SO_REUSEPORT, 1);

    /// <summary>Marks every packet of the socket (SO_MARK; needs CAP_NET_ADMIN). Accepted sockets inherit it.</summary>
    /// <param name="mark">The mark, as routing rules and BPF programs see it.</param>
    public SocketErrno SetMark(uint mark) => SetOption(LibC.SOL_SOCKET, LibC.SO_MARK, unchecked((int)mark));

    /// <summary>Has a program of type BPF_PROG_TYPE_SOCKET_FILTER decide about every packet that reaches the socket (SO_ATTACH_BPF). Accepted sockets inherit it.</summary>
    /// <param name="filter">The program; not needed any more by the caller once this returns.</param>
    public SocketErrno SetFilter(Bpf.BpfProgram filter)
    {
        ArgumentNullException.ThrowIfNull(filter);
        using Handles.DescriptorLease lease = new(filter.Handle);
        return SetOption(LibC.SOL_SOCKET, LibC.SO_ATTACH_BPF, lease.Descriptor);
    }

    /// <summary>Lets the socket take addresses that are not this machine's (IP_TRANSPARENT; needs CAP_NET_ADMIN).</summary>
    public SocketErrno SetTransparent() => IsIPv6
        ? SetOption(LibC.IPPROTO_IPV6, LibC.IPV6_TRANSPARENT, 1)
        : SetOption(LibC.IPPROTO_IP, LibC.IP_TRANSPARENT, 1);

    /// <summary>Lets the socket bind to an address that is not here yet (IP_FREEBIND).</summary>
    public SocketErrno SetFreeBind() => IsIPv6
        ? SetOption(LibC.IPPROTO_IPV6, LibC.IPV6_FREEBIND, 1)
        : SetOption(LibC.IPPROTO_IP, LibC.IP_FREEBIND, 1);

    /// <summary>
    /// Puts the choice of a port off from bind to connect (IP_BIND_ADDRESS_NO_PORT), so that one source port can serve many
    /// destinations.
    /// </summary>
    /// <param name="wait">Whether to; false: bind takes the port that it is given.</param>
    public SocketErrno SetBindAddressNoPort(bool wait = true) => SetOption(LibC.IPPROTO_IP, LibC.IP_BIND_ADDRESS_NO_PORT, wait ? 1 : 0);

    /// <summary>Has connect choose this port, if it is one of those that the kernel gives out by itself (IP_LOCAL_PORT_RANGE, Linux 6.3; NoProtocolOption before).</summary>
    public SocketErrno SetLocalPort(ushort port) => SetOption(LibC.IPPROTO_IP, Libc.IP_LOCAL_PORT_RANGE, (port << 16) | port);

    /// <summary>Keeps an IPv6 listener off the IPv4 port (IPV6_V6ONLY).</summary>
    public SocketErrno SetIPv6Only() => SetOption(LibC.IPPROTO_IPV6, LibC.IPV6_V6ONLY, 1);

    /// <summary>
    /// Whether the close that follows, also that by the end of the process, sends RST and drops what is unsent (SO_LINGER 0). Accepted sockets inherit it.
    /// </summary>
    public unsafe SocketErrno SetResetOnClose(bool reset = true)
    {
        linger linger = new() { l_onoff = reset ? 1 : 0, l_linger = 0 };
        return Check(LibC.setsockopt(Fd, LibC.SOL_SOCKET, LibC.SO_LINGER, &linger, (uint)sizeof(linger)));
    }

    /// <summary>Receives urgent data among the other, where it was sent (SO_OOBINLINE), and does not set it aside. Accepted sockets inherit it.</summary>
    public SocketErrno SetUrgentInline() => SetOption(LibC.SOL_SOCKET, LibC.SO_OOBINLINE, 1);

    /// <summary>Fails the connection when sent bytes stay unacknowledged this long (TCP_USER_TIMEOUT).</summary>
    /// <param name="timeout">Whole milliseconds; zero restores the system's default.</param>
    public SocketErrno SetUserTimeout(TimeSpan timeout) => SetOption(LibC.IPPROTO_TCP, LibC.TCP_USER_TIMEOUT, (int)timeout.TotalMilliseconds);

    /// <summary>
    /// Chooses how the socket finds its sending rate (TCP_CONGESTION). Accepted sockets inherit it. Only "reno" is in every kernel; others may be
    /// missing or need CAP_NET_ADMIN.
    /// </summary>
    /// <param name="algorithm">The algorithm's name in ASCII, at most 15 bytes.</param>
    public unsafe SocketErrno SetCongestionControl(ReadOnlySpan<byte> algorithm)
    {
        fixed (byte* name = algorithm) return Check(LibC.setsockopt(Fd, LibC.IPPROTO_TCP, LibC.TCP_CONGESTION, name, (uint)algorithm.Length));
    }

    /// <summary>Probes an idle connection (SO_KEEPALIVE and TCP_KEEP*). Accepted sockets inherit it.</summary>
    /// <param name="idle">Silence before the first probe; whole seconds.</param>
    /// <param name="interval">Time between probes; whole seconds.</param>
    /// <param name="probes">Unanswered probes that end the connection.</param>
    public SocketErrno SetKeepAlive(TimeSpan idle, TimeSpan interval, int probes)
    {
        SocketErrno error = SetOption(LibC.SOL_SOCKET, LibC.SO_KEEPALIVE, 1);
        if (error == SocketErrno.None) error = SetOption(LibC.IPPROTO_TCP, LibC.TCP_KEEPIDLE, (int)idle.TotalSeconds);
        if (error == SocketErrno.None) error = SetOption(LibC.IPPROTO_TCP, LibC.TCP_KEEPINTVL, (int)interval.TotalSeconds);
        if (error == SocketErrno.None) error = SetOption(LibC.IPPROTO_TCP, LibC.TCP_KEEPCNT, probes);
        return error;
    }

    /// <summary>Fixes the kernel's send buffer (SO_SNDBUF); the kernel doubles it for its book-keeping.</summary>
    /// <param name="bytes">Bytes of data.</param>
    public SocketErrno SetSendBuffer(int bytes) => SetOption(LibC.SOL_SOCKET, LibC.SO_SNDBUF, bytes);

    /// <summary>Fixes the kernel's receive buffer (SO_RCVBUF); the kernel doubles it for its book-keeping.</summary>
    /// <param name="bytes">Bytes of data.</param>
    public SocketErrno SetReceiveBuffer(int bytes) => SetOption(LibC.SOL_SOCKET, LibC.SO_RCVBUF, bytes);

    /// <summary>Reports writability only when fewer than this many bytes wait unsent (TCP_NOTSENT_LOWAT).</summary>
    /// <param name="bytes">The mark; 0 for the system's default.</param>
    public SocketErrno SetNotSentLowWater(int bytes) => SetOption(LibC.IPPROTO_TCP, LibC.TCP_NOTSENT_LOWAT, bytes);

    /// <summary>Has a connection with little under way wait equally long before each retransmission, and not twice as long each time (TCP_THIN_LINEAR_TIMEOUTS).</summary>
    public SocketErrno SetThinLinearTimeouts() => SetOption(LibC.IPPROTO_TCP, LibC.TCP_THIN_LINEAR_TIMEOUTS, 1);

    /// <summary>
    /// Sets the shortest time after which something unacknowledged is sent again by the timer (TCP_RTO_MIN_US, Linux 6.15); the system's default is 200 ms. Acknowledgements
    /// of the socket's own are then delayed less than that.
    /// </summary>
    /// <param name="timeout">Whole microseconds, up to 200 ms.</param>
    public SocketErrno SetLeastRetransmissionTimeout(TimeSpan timeout) => SetOption(LibC.IPPROTO_TCP, Libc.TCP_RTO_MIN_US, (int)timeout.TotalMicroseconds);

    /// <summary>What a connected TCP socket has sent and received (TCP_INFO).</summary>
    /// <param name="counts">The counters, when None is returned.</param>
    public unsafe SocketErrno GetSegmentCounts(out SegmentCounts counts)
    {
        // struct tcp_info of linux/tcp.h. A kernel fills in as much of it as it knows.
        const int Repeated = 100, DataReceived = 152, DataSent = 156, OutOfOrder = 224, Size = 232;
        Span<byte> info = stackalloc byte[Size];
        info.Clear();
        socklen_t length = Size;
        counts = default;
        fixed (byte* first = info)
        {
            if (LibC.getsockopt(Fd, LibC.IPPROTO_TCP, LibC.TCP_INFO, first, &length) < 0) return LastError();
        }

        counts = new SegmentCounts(
            MemoryMarshal.Read<uint>(info[DataSent..]), MemoryMarshal.Read<uint>(info[Repeated..]), MemoryMarshal.Read<uint>(info[DataReceived..]), MemoryMarshal.Read<uint>(info[OutOfOrder..]));
        return SocketErrno.None;
    }

    private unsafe SocketErrno SetOption(int level, int name, int value) =>
        Check(LibC.setsockopt(Fd, level, name, &value, sizeof(int)));
}
