using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Culvert.Interop.Sockets;
using Tmds.Linux;

namespace Culvert.Interop.Netlink;

/// <summary>A netlink socket that listens to groups of notifications. It stays in the network namespace of the thread that made it. One reader at a time.</summary>
/// <param name="groups">Mask of groups: bit n - 1 for group n.</param>
/// <param name="protocol">NETLINK_*.</param>
internal sealed unsafe class NetlinkNotifications(uint groups, int protocol = Libc.NETLINK_ROUTE) : IDisposable
{
    private readonly NetlinkSocket _socket = new(groups, protocol);
    private readonly EventFdHandle _wake = EventFdHandle.Create();

    /// <summary>Waits until the kernel has told of something, and hands on all that it has. Blocks the calling thread.</summary>
    /// <param name="handler">Takes each message.</param>
    /// <param name="lost">Told when some messages were lost, because they were not read fast enough.</param>
    /// <param name="operation">What this is done for, in words that continue "failed to".</param>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="NetlinkException">The socket failed.</exception>
    internal void Read(NetlinkMessageHandler handler, Action lost, string operation, CancellationToken cancellationToken)
    {
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static state => ((EventFdHandle)state!).Signal(), _wake);
        bool any = false;
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int errno;
            while ((errno = _socket.TryReceive(handler)) is 0 or Errno.ENOBUFS)
            {
                any = true;
                if (errno == Errno.ENOBUFS) lost();
            }
            if (errno != Errno.EAGAIN) throw new NetlinkException(operation, errno);
            if (any) return;
            Wait(operation);
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket.Dispose();
        _wake.Dispose();
    }

    private void Wait(string operation)
    {
        using DescriptorLease socket = new(_socket.Handle);
        using DescriptorLease wake = new(_wake);
        pollfd* descriptors = stackalloc pollfd[2];
        descriptors[0] = new pollfd { fd = socket.Descriptor, events = Libc.POLLIN };
        descriptors[1] = new pollfd { fd = wake.Descriptor, events = Libc.POLLIN };
        if (Libc.poll(descriptors, 2, -1) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.EINTR) throw new NetlinkException(operation, errno);
        }
        // The token says whether the signal was meant for this reader.
        if (descriptors[1].revents != 0) _wake.Reset();
    }
}
