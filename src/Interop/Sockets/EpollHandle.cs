using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Tmds.Linux;

namespace Culvert.Interop.Sockets;

/// <summary>An epoll instance. One thread waits; closing a registered descriptor removes it by itself.</summary>
public sealed class EpollHandle : FileDescriptorHandle
{
    private EpollHandle(int descriptor)
        : base(descriptor)
    {
    }

    /// <summary>Makes an instance.</summary>
    /// <exception cref="KernelException">No descriptor is free.</exception>
    public static EpollHandle Create()
    {
        int fd = LibC.epoll_create1(LibC.EPOLL_CLOEXEC);
        return fd >= 0 ? new EpollHandle(fd) : throw new KernelException("create an epoll instance", Marshal.GetLastPInvokeError());
    }

    /// <summary>Registers a descriptor.</summary>
    /// <param name="descriptor">The descriptor; must stay open while registered.</param>
    /// <param name="events">What to report.</param>
    /// <param name="token">Comes back with every event.</param>
    /// <returns>None, or why the kernel refused (NoMemory, the limit of watches).</returns>
    public SocketErrno Add(FileDescriptorHandle descriptor, EpollEvents events, ulong token) => Control(LibC.EPOLL_CTL_ADD, descriptor, events, token);

    /// <summary>Ends the registration of a descriptor that stays open.</summary>
    /// <param name="descriptor">The descriptor.</param>
    public SocketErrno Remove(FileDescriptorHandle descriptor) => Control(LibC.EPOLL_CTL_DEL, descriptor, EpollEvents.None, 0);

    /// <summary>Waits for events.</summary>
    /// <param name="buffer">Receives them.</param>
    /// <param name="timeoutMilliseconds">At most this long; 0 does not wait, -1 has no limit.</param>
    /// <returns>How many events there are; 0 after the time or a signal.</returns>
    /// <exception cref="KernelException">The instance is closed.</exception>
    public unsafe int Wait(EpollBuffer buffer, int timeoutMilliseconds)
    {
        ArgumentNullException.ThrowIfNull(buffer);
        fixed (byte* p = buffer.Bytes)
        {
            int count = LibC.epoll_wait((int)handle, (epoll_event*)p, buffer.Capacity, timeoutMilliseconds);
            if (count >= 0) return count;
            int errno = Marshal.GetLastPInvokeError();
            return errno == (int)SocketErrno.Interrupted ? 0 : throw new KernelException("wait for epoll events", errno);
        }
    }

    private unsafe SocketErrno Control(int operation, FileDescriptorHandle descriptor, EpollEvents events, ulong token)
    {
        ArgumentNullException.ThrowIfNull(descriptor);
        byte* item = stackalloc byte[16];
        *(uint*)item = (uint)events;
        *(ulong*)(item + EpollBuffer.DataOffset) = token;
        int result = LibC.epoll_ctl((int)handle, operation, descriptor.Descriptor, (epoll_event*)item);
        return result < 0 ? (SocketErrno)Marshal.GetLastPInvokeError() : SocketErrno.None;
    }
}
