using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Microsoft.Win32.SafeHandles;

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
        int descriptor = Libc.open_existing(path, Libc.O_PATH | Libc.O_CLOEXEC);
        if (descriptor < 0) throw new KernelException("open it", Marshal.GetLastPInvokeError());
        using FileDescriptorHandle held = new(descriptor);
        if (!IsRegular(descriptor)) return null;
        int file = Libc.open_existing($"/proc/self/fd/{descriptor}", Libc.O_RDONLY | Libc.O_NONBLOCK | Libc.O_CLOEXEC);
        return file >= 0 ? new SafeFileHandle(file, ownsHandle: true) : throw new KernelException("open it", Marshal.GetLastPInvokeError());
    }

    private static unsafe bool IsRegular(int descriptor)
    {
        byte* buffer = stackalloc byte[Libc.StatxLength];
        if (Libc.statx(descriptor, "", Libc.AT_EMPTY_PATH, Libc.STATX_BASIC_STATS, buffer) != 0) throw new KernelException("look at it", Marshal.GetLastPInvokeError());
        return (BitConverter.ToUInt16(new ReadOnlySpan<byte>(buffer, Libc.StatxLength)[Libc.StatxModeOffset..]) & Libc.S_IFMT) == Libc.S_IFREG;
    }
}
