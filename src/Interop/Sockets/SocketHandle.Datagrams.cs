using Culvert.Interop.Native;

namespace Culvert.Interop.Sockets;

public sealed partial class SocketHandle
{
    /// <summary>Has the kernel tell each datagram's destination (IP_RECVORIGDSTADDR, IPV6_RECVORIGDSTADDR), which for a captured one is not the socket's own address.</summary>
    public SocketErrno SetReceiveOriginalDestination() => IsIPv6
        ? SetOption(Libc.IPPROTO_IPV6, Libc.IPV6_RECVORIGDSTADDR, 1)
        : SetOption(Libc.IPPROTO_IP, Libc.IP_RECVORIGDSTADDR, 1);

    /// <summary>Takes trains of datagrams of equal size in one piece (UDP_GRO, Linux 5.0); see <see cref="DatagramReceiver.SegmentSize"/>.</summary>
    public SocketErrno SetReceiveOffload() => SetOption(Libc.IPPROTO_UDP, Libc.UDP_GRO, 1);

    /// <summary>Fixes the kernel's buffers beyond the system's limit (SO_RCVBUFFORCE, SO_SNDBUFFORCE; need CAP_NET_ADMIN), or up to it without the capability.</summary>
    /// <param name="receiveBytes">For what waits to be received.</param>
    /// <param name="sendBytes">For what waits to be sent.</param>
    public SocketErrno ForceBuffers(int receiveBytes, int sendBytes)
    {
        SocketErrno error = SetOption(Libc.SOL_SOCKET, Libc.SO_RCVBUFFORCE, receiveBytes);
        if (error == SocketErrno.NotPermitted) error = SetReceiveBuffer(receiveBytes);
        if (error != SocketErrno.None) return error;
        error = SetOption(Libc.SOL_SOCKET, Libc.SO_SNDBUFFORCE, sendBytes);
        return error == SocketErrno.NotPermitted ? SetSendBuffer(sendBytes) : error;
    }
}
