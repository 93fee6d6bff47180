using System.Runtime.ExceptionServices;
using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Netlink;

/// <summary>A network namespace by descriptor: it lives at least as long as this object. Safe to use from several threads.</summary>
public sealed unsafe class NetworkNamespace : IDisposable
{
    /// <summary>Where named namespaces are mounted, as ip-netns(8) does.</summary>
    public const string Folder = "/run/netns";

    private NetworkNamespace(FileDescriptorHandle handle, string description)
    {
        Handle = handle;
        Description = description;
    }

    /// <summary>The descriptor; also names the namespace to rtnetlink (IFLA_NET_NS_FD).</summary>
    public FileDescriptorHandle Handle { get; }

    /// <summary>The name or path it was opened by, for messages.</summary>
    public string Description { get; }

    /// <summary>The inode number: equal for equal namespaces, as long as one of them is open.</summary>
    /// <exception cref="KernelException">The descriptor cannot be looked at.</exception>
    public ulong Inode
    {
        get
        {
            using DescriptorLease lease = new(Handle);
            return InodeOf(lease.Descriptor, Description);
        }
    }

    /// <summary>Whether it belongs to the user namespace that the caller is in, and not to one that some user has made below that: there anybody may have all of its capabilities, and give its links any address (ioctl_ns(2)).</summary>
    /// <exception cref="KernelException">The kernel does not say.</exception>
    public bool BelongsToOwnUserNamespace()
    {
        using DescriptorLease lease = new(Handle);
        int owner = LibC.ioctl(lease.Descriptor, Libc.NS_GET_USERNS);
        if (owner < 0) throw new KernelException($"ask for the owner of network namespace {Description}", Marshal.GetLastPInvokeError());
        using FileDescriptorHandle users = new(owner);
        int own = Libc.open_existing("/proc/self/ns/user", LibC.O_RDONLY | LibC.O_CLOEXEC);
        if (own < 0) throw new KernelException("open /proc/self/ns/user", Marshal.GetLastPInvokeError());
        using FileDescriptorHandle ownUsers = new(own);
        return InodeOf(owner, "the owner") == InodeOf(own, "/proc/self/ns/user");
    }

    /// <summary>Makes a namespace with a name, as "ip netns add" does. Its lo is down.</summary>
    /// <param name="name">A file name.</param>
    /// <returns>The namespace; disposing it does not delete it.</returns>
    /// <exception cref="KernelException">EEXIST when the name is taken, EPERM without CAP_SYS_ADMIN.</exception>
    public static NetworkNamespace Create(string name)
    {
        string path = PathOf(name);
        PrepareFolder();
        try
        {
            using (File.Open(path, FileMode.CreateNew))
            {
            }
        }
        catch (IOException e) when (File.Exists(path))
        {
            throw new KernelException($"create network namespace '{name}'", Errno.EEXIST, e.Message);
        }
        try
        {
            OnNewThread(() =>
            {
                if (LibC.unshare(LibC.CLONE_NEWNET) != 0) throw new KernelException($"create network namespace '{name}'", Marshal.GetLastPInvokeError());
                if (Libc.mount("/proc/thread-self/ns/net", path, "none", LibC.MS_BIND, null) != 0)
                    throw new KernelException($"mount network namespace '{name}' at {path}", Marshal.GetLastPInvokeError());
            });
            return OpenPath(path);
        }
        catch (KernelException)
        {
            File.Delete(path);
            throw;
        }
    }

    /// <summary>Removes the name of a namespace. The namespace itself ends when no process, link or descriptor is in it.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>False when there was no such name.</returns>
    /// <exception cref="KernelException">It could not be unmounted.</exception>
    public static bool Delete(string name)
    {
        string path = PathOf(name);
        if (!File.Exists(path)) return false;
        if (Libc.umount2(path, LibC.MNT_DETACH) != 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            // EINVAL: the file is there but nothing is mounted on it, left over from a creation that was cut short.
            if (errno != Errno.EINVAL) throw new KernelException($"delete network namespace '{name}'", errno);
        }
        File.Delete(path);
        return true;
    }

    /// <summary>The names of the named namespaces.</summary>
    /// <returns>In no particular order.</returns>
    public static IReadOnlyList<string> List() => Directory.Exists(Folder) ? [.. Directory.GetFiles(Folder).Select(p => Path.GetFileName(p))] : [];

    /// <summary>Opens a named namespace.</summary>
    /// <param name="name">Its name.</param>
    /// <returns>The namespace.</returns>
    /// <exception cref="KernelException">ENOENT when there is none.</exception>
    public static NetworkNamespace Open(string name) => OpenPath(PathOf(name));

    /// <summary>Opens the namespace that a process is in.</summary>
    /// <param name="processId">The process.</param>
    /// <returns>The namespace.</returns>
    /// <exception cref="KernelException">ENOENT when there is no such process.</exception>
    public static NetworkNamespace OfProcess(int processId) => OpenPath($"/proc/{processId}/ns/net");

    /// <summary>Opens the namespace that the calling thread is in.</summary>
    /// <returns>The namespace.</returns>
    public static NetworkNamespace Current() => OpenPath("/proc/thread-self/ns/net");

    /// <summary>Opens a namespace by a file that stands for it.</summary>
    /// <param name="path">A bind mount, or a link under /proc.</param>
    /// <returns>The namespace.</returns>
    /// <exception cref="KernelException">ENOENT when there is no such file.</exception>
    public static NetworkNamespace OpenPath(string path)
    {
        int fd = Libc.open_existing(path, LibC.O_RDONLY | LibC.O_CLOEXEC);
        if (fd < 0) throw new KernelException($"open network namespace {path}", Marshal.GetLastPInvokeError());
        return new NetworkNamespace(new FileDescriptorHandle(fd), path);
    }

    /// <summary>Puts the calling thread into this namespace. Nothing may be awaited before the scope is disposed.</summary>
    /// <returns>A scope that puts the thread back where it was.</returns>
    /// <exception cref="KernelException">EPERM without CAP_SYS_ADMIN; EINVAL when the file is no network namespace.</exception>
    public Scope Enter() => new(this);

    /// <summary>Runs an action in this namespace on the calling thread.</summary>
    /// <param name="action">The action; it must not await.</param>
    public void Run(Action action)
    {
        ArgumentNullException.ThrowIfNull(action);
        using Scope scope = Enter();
        action();
    }

    /// <summary>Runs a function in this namespace on the calling thread.</summary>
    /// <typeparam name="T">What it returns.</typeparam>
    /// <param name="function">The function; it must not await.</param>
    /// <returns>Its result.</returns>
    public T Run<T>(Func<T> function)
    {
        ArgumentNullException.ThrowIfNull(function);
        using Scope scope = Enter();
        return function();
    }

    /// <inheritdoc/>
    public void Dispose() => Handle.Dispose();

    private static ulong InodeOf(int descriptor, string what)
    {
        statx status;
        return Libc.statx(descriptor, "", LibC.AT_EMPTY_PATH, &status) == 0 ? status.stx_ino : throw new KernelException($"look at namespace {what}", Marshal.GetLastPInvokeError());
    }

    private void EnterThread()
    {
        using DescriptorLease lease = new(Handle);
        if (LibC.setns(lease.Descriptor, LibC.CLONE_NEWNET) != 0)
            throw new KernelException($"enter network namespace {Description}", Marshal.GetLastPInvokeError());
    }

    private static string PathOf(string name)
    {
        if (string.IsNullOrEmpty(name) || name.Contains('/', StringComparison.Ordinal) || name is "." or "..")
            throw new ArgumentException($"'{name}' is no name for a network namespace: it must be a file name", nameof(name));
        return Path.Combine(Folder, name);
    }

    /// <summary>The folder is a shared mount, so that names made later show in the mount namespaces of others too.</summary>
    private static void PrepareFolder()
    {
        Directory.CreateDirectory(Folder);
        if (Libc.mount("", Folder, "none", LibC.MS_SHARED | LibC.MS_REC, null) == 0) return;
        int errno = Marshal.GetLastPInvokeError();
        if (errno != Errno.EINVAL) throw new KernelException($"share the mount {Folder}", errno);
        if (Libc.mount(Folder, Folder, "none", LibC.MS_BIND | LibC.MS_REC, null) != 0 || Libc.mount("", Folder, "none", LibC.MS_SHARED | LibC.MS_REC, null) != 0)
            throw new KernelException($"make {Folder} a shared mount", Marshal.GetLastPInvokeError());
    }

    /// <summary>A thread of its own, as its namespace is lost when it ends.</summary>
    private static void OnNewThread(Action action)
    {
        ExceptionDispatchInfo? failure = null;
        Thread thread = new(() =>
        {
            try
            {
                action();
            }
            catch (KernelException e)
            {
                failure = ExceptionDispatchInfo.Capture(e);
            }
        });
        thread.Start();
        thread.Join();
        failure?.Throw();
    }

    /// <summary>The time a thread spends in another namespace.</summary>
    public readonly ref struct Scope
    {
        private readonly NetworkNamespace _before;

        internal Scope(NetworkNamespace target)
        {
            _before = Current();
            try
            {
                target.EnterThread();
            }
            catch (KernelException)
            {
                _before.Dispose();
                throw;
            }
        }

        /// <summary>Puts the thread back.</summary>
        /// <exception cref="KernelException">The kernel refused; the thread must not be used for anything else.</exception>
        public void Dispose()
        {
            _before.EnterThread();
            _before.Dispose();
        }
    }
}
