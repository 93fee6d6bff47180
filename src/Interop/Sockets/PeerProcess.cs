using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;

namespace Culvert.Interop.Sockets;

/// <summary>
/// The process that has connected to a Unix socket, as the kernel noted it then, whoever has the connection now. It is held by a descriptor (pidfd_open(2)), so that whatever is read of it by its number is its own, as long
/// as <see cref="IsThere"/> says so afterwards: a number is not given to another process before that. Safe for any number of threads.
/// </summary>
/// <remarks>
/// From Linux 6.5 on the descriptor comes with the connection (SO_PEERPIDFD). Before that it is opened by the number, which another process may have got between the connecting and that, if the one that connected has ended meanwhile.
/// </remarks>
public sealed unsafe class PeerProcess : IDisposable
{
    private readonly FileDescriptorHandle _held;

    private PeerProcess(int id, uint user, FileDescriptorHandle held) => (Id, User, _held) = (id, user, held);

    /// <summary>Its number in this process's process namespace; more than 0.</summary>
    public int Id { get; }

    /// <summary>The user that it acted as when it connected.</summary>
    public uint User { get; }

    /// <summary>The process at the other end of a connection.</summary>
    /// <param name="connection">A connected Unix socket, of the listening side.</param>
    /// <exception cref="KernelException">ESRCH: it has ended, or is in a process namespace that this process does not see. Others: the socket is no such one, or the kernel refused.</exception>
    public static PeerProcess Of(SafeHandle connection)
    {
        using DescriptorLease lease = new(connection);
        Libc.PeerCredentials peer;
        uint length = (uint)sizeof(Libc.PeerCredentials);
        if (Libc.getsockopt(lease.Descriptor, Libc.SOL_SOCKET, Libc.SO_PEERCRED, &peer, &length) != 0) throw new KernelException("ask who has connected", Marshal.GetLastPInvokeError());
        if (peer.Process <= 0) throw new KernelException("find the process that has connected", Errno.ESRCH, "it is in a process namespace of which this process sees nothing");
        return new PeerProcess(peer.Process, peer.User, Hold(lease.Descriptor, peer.Process));
    }

    /// <summary>Whether it has not been put away yet, so that its number is still its own.</summary>
    /// <exception cref="KernelException">The kernel refused to tell.</exception>
    public bool IsThere()
    {
        using DescriptorLease lease = new(_held);
        if (Libc.syscall_4(Libc.SYS_pidfd_send_signal, lease.Descriptor, 0, 0, 0) == 0) return true;
        int errno = Marshal.GetLastPInvokeError();
        return errno switch
        {
            Errno.EPERM => true,
            Errno.ESRCH => false,
            _ => throw new KernelException("ask whether a process is there", errno),
        };
    }

    /// <inheritdoc/>
    public void Dispose() => _held.Dispose();

    private static FileDescriptorHandle Hold(int socket, int process)
    {
        int held = -1;
        uint length = sizeof(int);
        if (Libc.getsockopt(socket, Libc.SOL_SOCKET, Libc.SO_PEERPIDFD, &held, &length) == 0) return new FileDescriptorHandle(held);
        int errno = Marshal.GetLastPInvokeError();

        // EINVAL is what the kernel says of one that has been put away.
        if (errno == Errno.EINVAL) throw new KernelException("hold the process that has connected", Errno.ESRCH);
        if (errno != Errno.ENOPROTOOPT) throw new KernelException("hold the process that has connected", errno);
        held = (int)Libc.syscall(Libc.SYS_pidfd_open, process, 0, 0);
        return held >= 0 ? new FileDescriptorHandle(held) : throw new KernelException("hold the process that has connected", Marshal.GetLastPInvokeError());
    }
}
