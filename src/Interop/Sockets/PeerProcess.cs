using System.Globalization;
using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Sockets;

/// <summary>
/// The process that has connected to a Unix socket, as the kernel noted it then, whoever has the connection now. It is held by a descriptor (pidfd_open(2)), so that whatever is read of it by its number is its own, as long
/// as <see cref="IsThere"/> says so afterwards: a number is not given to another process before that. Safe for any number of threads.
/// </summary>
/// <remarks>
/// From Linux 6.5 on the descriptor comes with the connection (SO_PEERPIDFD). Before that it is opened by the number, which another process may have got between the connecting and that, if the one that connected has ended meanwhile.
/// One that began after the connection was accepted is not taken for it then; so it is to be asked for when a connection is accepted, and held for as long as anything is looked up by its number.
/// </remarks>
public sealed unsafe class PeerProcess : IDisposable
{
    // USER_HZ, in which /proc counts: 100 on each architecture that .NET runs on.
    private const long TimeOfTick = TimeSpan.TicksPerSecond / 100;

    // Of the fields of /proc/PID/stat from the third on, that with the start (proc_pid_stat(5), field 22). What is before, the program's name, may be anything.
    private const int StartField = 19;

    private readonly FileDescriptorHandle _held;

    private PeerProcess(int id, uint user, FileDescriptorHandle held) => (Id, User, _held) = (id, user, held);

    /// <summary>Its number in this process's process namespace; more than 0.</summary>
    public int Id { get; }

    /// <summary>The user that it acted as when it connected.</summary>
    public uint User { get; }

    /// <summary>The process at the other end of a connection that was accepted just now.</summary>
    /// <param name="connection">A connected Unix socket, of the listening side.</param>
    /// <exception cref="KernelException">ESRCH: it has ended, or is in a process namespace that this process does not see. Others: the socket is no such one, or the kernel refused.</exception>
    public static PeerProcess Of(SafeHandle connection) => Of(connection, KernelClock.SinceBoot, byNumber: false);

    /// <summary>The same of one that was accepted at a time.</summary>
    /// <param name="connection">As above.</param>
    /// <param name="accepted">When, as <see cref="KernelClock.SinceBoot"/> says it.</param>
    /// <param name="byNumber">Whether it is opened by its number, as by kernels that have no other way.</param>
    internal static PeerProcess Of(SafeHandle connection, TimeSpan accepted, bool byNumber)
    {
        using DescriptorLease lease = new(connection);
        ucred peer;
        socklen_t length = sizeof(ucred);
        if (LibC.getsockopt(lease.Descriptor, LibC.SOL_SOCKET, LibC.SO_PEERCRED, &peer, &length) != 0) throw new KernelException("ask who has connected", Marshal.GetLastPInvokeError());
        if (peer.pid <= 0) throw new KernelException("find the process that has connected", Errno.ESRCH, "it is in a process namespace of which this process sees nothing");
        FileDescriptorHandle? held = byNumber ? null : TryHold(lease.Descriptor);
        return new PeerProcess(peer.pid, peer.uid, held ?? HoldByNumber(peer.pid, accepted));
    }

    /// <summary>Whether it has not been put away yet, so that its number is still its own.</summary>
    /// <exception cref="KernelException">The kernel refused to tell.</exception>
    public bool IsThere()
    {
        using DescriptorLease lease = new(_held);
        if ((int)LibC.syscall(Libc.SYS_pidfd_send_signal, lease.Descriptor, 0, 0, 0) == 0) return true;
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

    // Null: the kernel has no such descriptor.
    private static FileDescriptorHandle? TryHold(int socket)
    {
        int held = -1;
        socklen_t length = sizeof(int);
        if (LibC.getsockopt(socket, LibC.SOL_SOCKET, Libc.SO_PEERPIDFD, &held, &length) == 0) return new FileDescriptorHandle(held);
        int errno = Marshal.GetLastPInvokeError();

        // EINVAL is what the kernel says of one that has been put away.
        if (errno == Errno.EINVAL) throw new KernelException("hold the process that has connected", Errno.ESRCH);
        return errno == Errno.ENOPROTOOPT ? null : throw new KernelException("hold the process that has connected", errno);
    }

    private static FileDescriptorHandle HoldByNumber(int process, TimeSpan accepted)
    {
        int descriptor = (int)LibC.syscall(Libc.SYS_pidfd_open, process, 0, 0);
        if (descriptor < 0) throw new KernelException("hold the process that has connected", Marshal.GetLastPInvokeError());
        FileDescriptorHandle held = new(descriptor);
        try
        {
            // Read after it is held: if it is another's start, the one that is held is not there any more.
            if (StartOf(process) > accepted.Ticks / TimeOfTick) throw new KernelException("hold the process that has connected", Errno.ESRCH, "another one, which began later, has its number");
            return held;
        }
        catch
        {
            held.Dispose();
            throw;
        }
    }

    // In ticks of /proc.
    private static long StartOf(int process)
    {
        string path = string.Create(CultureInfo.InvariantCulture, $"/proc/{process}/stat");
        string stat;
        try
        {
            stat = File.ReadAllText(path);
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException io && !ResourceShortage.Is(io)))
        {
            throw new KernelException($"look at {path}", Errno.ESRCH, e.Message); // it has ended, or is not for us to look at
        }
        catch (IOException e) when (ResourceShortage.Is(e))
        {
            throw new KernelException($"look at {path}", e.HResult);
        }
        string[] fields = stat[(stat.LastIndexOf(')') + 2)..].Split(' ');
        return long.Parse(fields[StartField], CultureInfo.InvariantCulture);
    }
}
