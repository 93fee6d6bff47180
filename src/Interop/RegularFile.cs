using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Microsoft.Win32.SafeHandles;
using Tmds.Linux;

namespace Culvert.Interop;

/// <summary>Opens files of folders that others write to.</summary>
public static class RegularFile
{
    /// <summary>
    /// Opens a file for reading if it is a regular one; links are followed. What the path leads to is looked at once it is held (O_PATH), which neither waits for a pipe's writer nor wakes a device,
    /// and opened by way of that, so that nobody can put something else in its place in between. A lease of another process is not waited for.
    /// </summary>
    /// <returns>The file, or null when it is a folder, a pipe, a socket or a device.</returns>
    /// <exception cref="KernelException">There is nothing, it can't be opened, or <c>/proc</c> is not mounted.</exception>
    public static SafeFileHandle? TryOpen(string path)
    {
        ArgumentNullException.ThrowIfNull(path);
        int descriptor = Libc.open_existing(path, LibC.O_PATH | LibC.O_CLOEXEC);
        if (descriptor < 0) throw new KernelException("open it", Marshal.GetLastPInvokeError());
        using FileDescriptorHandle held = new(descriptor);
        if (!IsRegular(descriptor)) return null;
        int file = Libc.open_existing($"/proc/self/fd/{descriptor}", LibC.O_RDONLY | LibC.O_NONBLOCK | LibC.O_CLOEXEC);
        return file >= 0 ? new SafeFileHandle(file, ownsHandle: true) : throw new KernelException("open it", Marshal.GetLastPInvokeError());
    }

    private static unsafe bool IsRegular(int descriptor)
    {
        statx status;
        if (Libc.statx(descriptor, "", LibC.AT_EMPTY_PATH, &status) != 0) throw new KernelException("look at it", Marshal.GetLastPInvokeError());
        return (status.stx_mode & (ushort)LibC.S_IFMT) == (ushort)LibC.S_IFREG;
    }
}
