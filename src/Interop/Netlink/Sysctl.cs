namespace Culvert.Interop.Netlink;

/// <summary>Kernel settings under /proc/sys/net, of the network namespace that the calling thread is in.</summary>
public static class Sysctl
{
    private const string Root = "/proc/sys/net";

    /// <summary>Sets a value.</summary>
    /// <param name="name">Path below net, with slashes: "ipv4/conf/all/rp_filter".</param>
    /// <param name="value">The text to write.</param>
    /// <exception cref="KernelException">There is no such setting, or the right is missing, or the kernel refuses the value.</exception>
    public static void Write(string name, string value) => Access(name, $"set net/{name} to {value}", path =>
    {
        // Not truncated and in one piece: what a sysctl file expects.
        using FileStream file = new(path, FileMode.Open, FileAccess.Write, FileShare.ReadWrite, bufferSize: 0);
        file.Write(System.Text.Encoding.ASCII.GetBytes(value));
        return true;
    });

    /// <summary>Reads a value.</summary>
    /// <param name="name">Path below net, with slashes.</param>
    /// <returns>The text without the line end.</returns>
    /// <exception cref="KernelException">There is no such setting, or the right is missing.</exception>
    public static string Read(string name) => Access(name, $"read net/{name}", path => File.ReadAllText(path).TrimEnd('\n'));

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
