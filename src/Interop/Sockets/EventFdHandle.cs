using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Tmds.Linux;

namespace Culvert.Interop.Sockets;

/// <summary>A counter that wakes a thread waiting in epoll. Any thread may signal.</summary>
public sealed class EventFdHandle : FileDescriptorHandle
{
    private EventFdHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>Makes a counter at zero.</summary>
    /// <exception cref="KernelException">No descriptor is free.</exception>
    public static EventFdHandle Create()
    {
        int fd = LibC.eventfd(0, LibC.EFD_NONBLOCK | LibC.EFD_CLOEXEC);
        return fd >= 0 ? new EventFdHandle(fd) : throw new KernelException("create an eventfd", Marshal.GetLastPInvokeError());
    }

    /// <summary>Makes the descriptor readable.</summary>
    /// <exception cref="KernelException">The descriptor is closed.</exception>
    public unsafe void Signal()
    {
        ulong one = 1;
        using DescriptorLease lease = new(this);
        if (LibC.write(lease.Descriptor, &one, sizeof(ulong)) < 0 && Marshal.GetLastPInvokeError() != (int)SocketErrno.WouldBlock)
        {
            throw new KernelException("signal an eventfd", Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Sets the counter back to zero. Registered edge-triggered this is not needed: every signal is a new edge.</summary>
    public unsafe void Reset()
    {
        ulong value;
        _ = LibC.read((int)handle, &value, sizeof(ulong));
    }
}
