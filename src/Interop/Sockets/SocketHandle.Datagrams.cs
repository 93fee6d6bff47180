using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Sockets;

public sealed partial class SocketHandle
{
    /// <summary>Makes a non-blocking, close-on-exec raw socket (needs CAP_NET_RAW); null and the error when the system refuses.</summary>
    /// <param name="ipv6">Whether for IPv6.</param>
    /// <param name="error">Why null was returned.</param>
    /// <param name="protocol">What follows the IP header, which is the kernel's; null or IPPROTO_RAW: whole packets, header included.</param>
    internal static SocketHandle? TryCreateRaw(bool ipv6, out SocketErrno error, int? protocol = null)
    {
        int fd = LibC.socket(ipv6 ? Libc.AF_INET6 : Libc.AF_INET, LibC.SOCK_RAW | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC, protocol ?? LibC.IPPROTO_RAW);
        error = fd < 0 ? LastError() : SocketErrno.None;
        return fd < 0 ? null : new SocketHandle(fd, ipv6);
    }

    /// <summary>Sends one datagram, or packet, to an address.</summary>
    internal unsafe SocketErrno SendTo(ReadOnlySpan<byte> datagram, in SocketEndPoint to)
    {
        byte* address = stackalloc byte[SocketAddressCodec.MaxSize];
        int length = SocketAddressCodec.Write(to, IsIPv6, new Span<byte>(address, SocketAddressCodec.MaxSize));
        fixed (byte* start = datagram)
        {
            return LibC.sendto(Fd, start, datagram.Length, LibC.MSG_NOSIGNAL, (sockaddr*)address, length) < 0 ? LastError() : SocketErrno.None;
        }
    }

    /// <summary>Sends one message.</summary>
    internal unsafe SocketErrno Send(ref Libc.mmsghdr message)
    {
        fixed (Libc.mmsghdr* start = &message)
        {
            return Libc.sendmmsg(Fd, start, 1, LibC.MSG_NOSIGNAL) < 0 ? LastError() : SocketErrno.None;
        }
    }

    /// <summary>Has the kernel tell each datagram's destination (IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR), which for a captured one is not the socket's own address.</summary>
    public SocketErrno SetReceiveOriginalDestination() => IsIPv6
        ? SetOption(LibC.IPPROTO_IPV6, LibC.IPV6_RECVORIGDSTADDR, 1)
        : SetOption(LibC.IPPROTO_IP, LibC.IP_RECVORIGDSTADDR, 1);

    /// <summary>Takes GSO batches of datagrams of equal size in one piece (UDP_GRO, Linux 5.0); see <see cref="DatagramReceiver.Datagrams"/>.</summary>
    public SocketErrno SetReceiveOffload() => SetOption(LibC.IPPROTO_UDP, Libc.UDP_GRO, 1);

    /// <summary>Fixes the kernel's buffers beyond the system's limit (SO_RCVBUFFORCE, SO_SNDBUFFORCE; need CAP_NET_ADMIN), or up to it without the capability.</summary>
    /// <param name="receiveBytes">For what waits to be received.</param>
    /// <param name="sendBytes">For what waits to be sent.</param>
    public SocketErrno ForceBuffers(int receiveBytes, int sendBytes)
    {
        SocketErrno error = SetOption(LibC.SOL_SOCKET, LibC.SO_RCVBUFFORCE, receiveBytes);
        if (error == SocketErrno.NotPermitted) error = SetReceiveBuffer(receiveBytes);
        if (error != SocketErrno.None) return error;
        error = SetOption(LibC.SOL_SOCKET, LibC.SO_SNDBUFFORCE, sendBytes);
        return error == SocketErrno.NotPermitted ? SetSendBuffer(sendBytes) : error;
    }
}
