using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop.Netlink;

/// <summary>Kernel settings under /proc/sys/net, of the network namespace that the calling thread is in.</summary>
public static class Sysctl
{
    private const string Root = "/proc/sys/net";

    // Containers have /proc/sys read-only, whatever they may do otherwise. Opened once, at the first need.
    private static readonly Lazy<FileDescriptorHandle> OwnProcFs = new(OpenProcFs, LazyThreadSafetyMode.PublicationOnly);

    /// <summary>Sets a value; in a container in which /proc/sys is read-only, by a /proc of its own that is mounted nowhere, which needs CAP_SYS_ADMIN.</summary>
    /// <param name="name">Path below net, with slashes: "ipv4/conf/all/rp_filter".</param>
    /// <param name="value">The text to write.</param>
    /// <exception cref="KernelException">There is no such setting, or the right is missing, or the kernel refuses the value.</exception>
    public static void Write(string name, string value) => Access(name, $"set net/{name} to {value}", path =>
    {
        try
        {
            WriteFile(path, value);
        }
        catch (IOException e) when (e.HResult == Errno.EROFS)
        {
            using DescriptorLease procFs = new(OwnProcFs.Value);
            WriteFile($"/proc/self/fd/{procFs.Descriptor}/sys/net/{name}", value);
        }
        return true;
    });

    /// <summary>Reads a value.</summary>
    /// <param name="name">Path below net, with slashes.</param>
    /// <returns>The text without the line end.</returns>
    /// <exception cref="KernelException">There is no such setting, or the right is missing.</exception>
    public static string Read(string name) => Access(name, $"read net/{name}", path => File.ReadAllText(path).TrimEnd('\n'));

    // Not truncated and in one piece: what a sysctl file expects.
    private static void WriteFile(string path, string value)
    {
        using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        file.Write(System.Text.Encoding.ASCII.GetBytes(value));
    }

    private static FileDescriptorHandle OpenProcFs()
    {
        const string operation = "mount a /proc of its own (CAP_SYS_ADMIN)";
        nint context = Libc.fsopen(Libc.SYS_fsopen, "proc", Libc.FSOPEN_CLOEXEC);
        if (context < 0) throw new KernelException(operation, Marshal.GetLastPInvokeError());
        using FileDescriptorHandle made = new((int)context);
        if (Libc.fsconfig(Libc.SYS_fsconfig, context, Libc.FSCONFIG_CMD_CREATE, 0, 0, 0) < 0) throw new KernelException(operation, Marshal.GetLastPInvokeError());
        int mounted = (int)LibC.syscall(Libc.SYS_fsmount, (int)context, Libc.FSMOUNT_CLOEXEC, 0);
        return mounted >= 0 ? new FileDescriptorHandle(mounted) : throw new KernelException(operation, Marshal.GetLastPInvokeError());
    }

    private static T Access<T>(string name, string operation, Func<string, T> action)
    {
        if (string.IsNullOrEmpty(name) || name.Split('/').Any(p => p is "" or "." or "..")) throw new ArgumentException($"'{name}' is no setting below net/", nameof(name));
        string path = Path.Combine(Root, name);
        if (!File.Exists(path)) throw new KernelException(operation, Errno.ENOENT);
        try
        {
            return action(path);
        }
        catch (UnauthorizedAccessException e)
        {
            throw new KernelException(operation, Errno.EACCES, e.Message);
        }
        catch (IOException e) when (e is not KernelException)
        {
            throw new KernelException(operation, Errno.EINVAL, e.Message);
        }
    }
}
