using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop;

/// <summary>Further names of files.</summary>
public static class HardLink
{
    /// <summary>Gives a file another name on its file system, which is there as long as one of its names is. Symbolic links are not followed at the end of either path (link(2)).</summary>
    /// <param name="existing">The file; a socket is one, too.</param>
    /// <param name="path">The other name.</param>
    /// <exception cref="KernelException">EEXIST: something is there already; EXDEV: it is on another file system, or in another mount of the same. Others: the kernel refused.</exception>
    public static void Make(string existing, string path)
    {
        ArgumentNullException.ThrowIfNull(existing);
        ArgumentNullException.ThrowIfNull(path);
        if (Libc.link(existing, path) != 0) throw new KernelException($"give {existing} the name {path}", Marshal.GetLastPInvokeError());
    }
}
