using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Sockets;
using Tmds.Linux;

namespace Culvert.Interop.Netlink;

/// <summary>
/// The network namespace that a thread is at home in, kept open: another is entered and left with one system call each. For threads that make a socket there now and then, which
/// stays in its namespace (socket(2) takes that of the calling thread, and nothing else does). Used by one thread at a time, which is in this namespace.
/// </summary>
public sealed class HomeNamespace : IDisposable
{
    private readonly NetworkNamespace _home;

    private HomeNamespace(NetworkNamespace home) => _home = home;

    /// <summary>Keeps the namespace that the calling thread is in.</summary>
    /// <exception cref="KernelException">It can't be opened.</exception>
    public static HomeNamespace OfThisThread() => new(NetworkNamespace.Current());

    /// <summary>Puts the calling thread into another namespace. Nothing may be awaited before the visit is disposed.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="error">None, or why the thread is where it was: NotPermitted without CAP_SYS_ADMIN, BadDescriptor for a namespace that has been given up.</param>
    /// <returns>What puts the thread back; it has nothing to do where it could not be entered.</returns>
    public Visit Enter(NetworkNamespace target, out SocketErrno error)
    {
        ArgumentNullException.ThrowIfNull(target);
        error = Set(target);
        return error == SocketErrno.None ? new Visit(this) : default;
    }

    /// <inheritdoc/>
    public void Dispose() => _home.Dispose();

    private static SocketErrno Set(NetworkNamespace target)
    {
        try
        {
            using DescriptorLease lease = new(target.Handle);
            return LibC.setns(lease.Descriptor, LibC.CLONE_NEWNET) == 0 ? SocketErrno.None : (SocketErrno)Marshal.GetLastPInvokeError();
        }
        catch (ObjectDisposedException)
        {
            return SocketErrno.BadDescriptor;
        }
    }

    private void Return()
    {
        SocketErrno error = Set(_home);

        // Whatever the thread did next would be done to a pod, or by one.
        if (error != SocketErrno.None) Environment.FailFast($"a thread can't leave the network namespace it has entered: {error}");
    }

    /// <summary>The time a thread spends in another namespace.</summary>
    public readonly ref struct Visit
    {
        private readonly HomeNamespace? _home;

        internal Visit(HomeNamespace home) => _home = home;

        /// <summary>Puts the thread back. Where the kernel refuses, the process ends.</summary>
        public void Dispose() => _home?.Return();
    }
}
