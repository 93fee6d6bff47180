using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Sockets;

/// <summary>
/// A non-blocking TCP or UDP socket. Every call is one system call; "would block" and other expected failures are values.
/// </summary>
/// <remarks>
/// For one owner thread: calls take the descriptor without the reference counting of a shared handle, so nobody may dispose
/// the socket while another thread calls it.
/// </remarks>
public sealed partial class SocketHandle : FileDescriptorHandle
{
    private readonly bool _ipv6;

    /// <summary>Takes an open, non-blocking socket over.</summary>
    /// <param name="descriptor">The descriptor.</param>
    /// <param name="ipv6">Whether its family is AF_INET6.</param>
    public SocketHandle(int descriptor, bool ipv6)
        : base(descriptor) => _ipv6 = ipv6;

    /// <summary>Whether the socket's family is AF_INET6.</summary>
    public bool IsIPv6 => _ipv6;

    private int Fd => (int)handle;

    /// <summary>Makes a non-blocking, close-on-exec TCP socket.</summary>
    /// <param name="ipv6">Whether for IPv6.</param>
    /// <exception cref="KernelException">No descriptor is free, or the family is not supported.</exception>
    public static SocketHandle CreateTcp(bool ipv6) =>
        TryCreateTcp(ipv6, out SocketErrno error) ?? throw new KernelException($"create a TCP{(ipv6 ? "6" : "4")} socket", (int)error);

    /// <summary>Makes a non-blocking, close-on-exec TCP socket; null and the error when the system refuses.</summary>
    /// <param name="ipv6">Whether for IPv6.</param>
    /// <param name="error">Why null was returned.</param>
    public static SocketHandle? TryCreateTcp(bool ipv6, out SocketErrno error)
    {
        int fd = LibC.socket(ipv6 ? Libc.AF_INET6 : Libc.AF_INET, LibC.SOCK_STREAM | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC, LibC.IPPROTO_TCP);
        error = fd < 0 ? LastError() : SocketErrno.None;
        return fd < 0 ? null : new SocketHandle(fd, ipv6);
    }

    /// <summary>Makes a non-blocking, close-on-exec UDP socket; null and the error when the system refuses.</summary>
    /// <param name="ipv6">Whether for IPv6.</param>
    /// <param name="error">Why null was returned.</param>
    public static SocketHandle? TryCreateUdp(bool ipv6, out SocketErrno error)
    {
        int fd = LibC.socket(ipv6 ? Libc.AF_INET6 : Libc.AF_INET, LibC.SOCK_DGRAM | LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC, LibC.IPPROTO_UDP);
        error = fd < 0 ? LastError() : SocketErrno.None;
        return fd < 0 ? null : new SocketHandle(fd, ipv6);
    }

    /// <summary>Binds to a local address.</summary>
    /// <param name="local">The address; port 0 lets the kernel choose.</param>
    /// <returns>None, AddressInUse, AddressNotAvailable, ...</returns>
    public unsafe SocketErrno Bind(in SocketEndPoint local)
    {
        byte* address = stackalloc byte[SocketAddressCodec.MaxSize];
        int length = SocketAddressCodec.Write(local, _ipv6, new Span<byte>(address, SocketAddressCodec.MaxSize));
        return Check(LibC.bind(Fd, (sockaddr*)address, length));
    }

    /// <summary>Starts listening.</summary>
    /// <param name="backlog">Connections the kernel may hold ready; capped by net.core.somaxconn.</param>
    public SocketErrno Listen(int backlog) => Check(LibC.listen(Fd, backlog));

    /// <summary>Starts connecting.</summary>
    /// <param name="remote">Where to.</param>
    /// <returns>None when connected at once, InProgress when the outcome comes with writability, else the failure.</returns>
    public unsafe SocketErrno Connect(in SocketEndPoint remote)
    {
        byte* address = stackalloc byte[SocketAddressCodec.MaxSize];
        int length = SocketAddressCodec.Write(remote, _ipv6, new Span<byte>(address, SocketAddressCodec.MaxSize));
        return Check(LibC.connect(Fd, (sockaddr*)address, length));
    }

    /// <summary>Takes one connection from a listener.</summary>
    /// <param name="peer">The other side's address.</param>
    /// <param name="error">Why null was returned; WouldBlock when none waits.</param>
    public unsafe SocketHandle? Accept(out SocketEndPoint peer, out SocketErrno error)
    {
        byte* address = stackalloc byte[SocketAddressCodec.MaxSize];
        socklen_t length = SocketAddressCodec.MaxSize;
        int fd = LibC.accept4(Fd, (sockaddr*)address, &length, LibC.SOCK_NONBLOCK | LibC.SOCK_CLOEXEC);
        if (fd < 0)
        {
            peer = default;
            error = LastError();
            return null;
        }

        SocketAddressCodec.TryRead(new ReadOnlySpan<byte>(address, (int)length), out peer);
        error = SocketErrno.None;
        return new SocketHandle(fd, _ipv6);
    }

    /// <summary>Receives bytes; a count of 0 is the end of the stream.</summary>
    /// <param name="buffer">Where to put them; not empty.</param>
    public IoResult Receive(Span<byte> buffer) => Receive(buffer, 0);

    /// <summary>Receives bytes and leaves them where they are: the next call gets them again. A count of 0 is the end of the stream.</summary>
    /// <param name="buffer">Where to put them; not empty.</param>
    public IoResult Peek(Span<byte> buffer) => Receive(buffer, LibC.MSG_PEEK);

    private unsafe IoResult Receive(Span<byte> buffer, int flags)
    {
        fixed (byte* p = buffer)
        {
            long n;
            do n = LibC.recv(Fd, p, buffer.Length, flags);
            while (n < 0 && LastError() == SocketErrno.Interrupted);
            return n >= 0 ? new IoResult((int)n, SocketErrno.None) : IoResult.Failed((int)LastError());
        }
    }

    /// <summary>Sends bytes, possibly only some; never raises SIGPIPE.</summary>
    /// <param name="buffer">The bytes; not empty.</param>
    public unsafe IoResult Send(ReadOnlySpan<byte> buffer)
    {
        fixed (byte* p = buffer)
        {
            long n;
            do n = LibC.send(Fd, p, buffer.Length, LibC.MSG_NOSIGNAL);
            while (n < 0 && LastError() == SocketErrno.Interrupted);
            return n >= 0 ? new IoResult((int)n, SocketErrno.None) : IoResult.Failed((int)LastError());
        }
    }

    /// <summary>Ends one or both directions.</summary>
    /// <param name="direction">Which.</param>
    public SocketErrno Shutdown(ShutdownDirection direction) => Check(LibC.shutdown(Fd, (int)direction));

    private static SocketErrno LastError() => (SocketErrno)Marshal.GetLastPInvokeError();

    private static SocketErrno Check(int result) => result < 0 ? LastError() : SocketErrno.None;
}
