namespace Culvert.Interop.Sockets;

/// <summary>Error numbers socket calls return (asm-generic/errno.h; equal on x86-64 and arm64).</summary>
/// <remarks>Values outside this list are passed through as numbers.</remarks>
public enum SocketErrno
{
    /// <summary>No error.</summary>
    None = 0,

    /// <summary>Operation not permitted (EPERM), for example by a firewall or for lack of a capability.</summary>
    NotPermitted = 1,

    /// <summary>Interrupted by a signal (EINTR).</summary>
    Interrupted = 4,

    /// <summary>Input or output error (EIO); of a GSO batch of datagrams: the device can't cut it up.</summary>
    InputOutput = 5,

    /// <summary>The descriptor is closed (EBADF).</summary>
    BadDescriptor = 9,

    /// <summary>Nothing to read, or no room to write, now (EAGAIN).</summary>
    WouldBlock = 11,

    /// <summary>No memory (ENOMEM).</summary>
    NoMemory = 12,

    /// <summary>Permission denied (EACCES).</summary>
    AccessDenied = 13,

    /// <summary>Invalid argument (EINVAL).</summary>
    InvalidArgument = 22,

    /// <summary>The system has no free descriptor (ENFILE).</summary>
    SystemDescriptorLimit = 23,

    /// <summary>The process has no free descriptor (EMFILE).</summary>
    ProcessDescriptorLimit = 24,

    /// <summary>The other side no longer reads (EPIPE).</summary>
    BrokenPipe = 32,

    /// <summary>A datagram is longer than the path, or the protocol, takes (EMSGSIZE).</summary>
    MessageTooLong = 90,

    /// <summary>Address in use (EADDRINUSE).</summary>
    AddressInUse = 98,

    /// <summary>The system has no sockets of the address family (EAFNOSUPPORT).</summary>
    AddressFamilyNotSupported = 97,

    /// <summary>Address not available (EADDRNOTAVAIL); also: all ports to this destination taken.</summary>
    AddressNotAvailable = 99,

    /// <summary>Network is down (ENETDOWN).</summary>
    NetworkDown = 100,

    /// <summary>No route (ENETUNREACH).</summary>
    NetworkUnreachable = 101,

    /// <summary>The connection went away before it was accepted (ECONNABORTED).</summary>
    ConnectionAborted = 103,

    /// <summary>The peer reset the connection (ECONNRESET).</summary>
    ConnectionReset = 104,

    /// <summary>No buffers (ENOBUFS).</summary>
    NoBuffers = 105,

    /// <summary>Already connected (EISCONN).</summary>
    AlreadyConnected = 106,

    /// <summary>Not connected (ENOTCONN).</summary>
    NotConnected = 107,

    /// <summary>The peer did not answer in time (ETIMEDOUT).</summary>
    TimedOut = 110,

    /// <summary>Nobody listens there (ECONNREFUSED).</summary>
    ConnectionRefused = 111,

    /// <summary>The host is down (EHOSTDOWN).</summary>
    HostDown = 112,

    /// <summary>No way to the host (EHOSTUNREACH).</summary>
    HostUnreachable = 113,

    /// <summary>The connection is being made (EINPROGRESS).</summary>
    InProgress = 115,
}
