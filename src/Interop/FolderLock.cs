using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop;

/// <summary>
/// An exclusive lock of a folder (flock(2)), for file systems that hold no files one could lock, as the BPF file system. It goes when this is disposed or the process ends, however it does.
/// </summary>
public sealed class FolderLock : IDisposable
{
    private readonly FileDescriptorHandle _folder;

    private FolderLock(FileDescriptorHandle folder) => _folder = folder;

    /// <summary>Takes the lock without waiting; null when another process, or another lock of this one, has it.</summary>
    /// <exception cref="KernelException">The folder can't be opened or locked.</exception>
    public static FolderLock? TryTake(string folder)
    {
        ArgumentNullException.ThrowIfNull(folder);
        int descriptor = Libc.open_existing(folder, LibC.O_RDONLY | LibC.O_CLOEXEC);
        if (descriptor < 0) throw new KernelException($"open {folder}", Marshal.GetLastPInvokeError());
        FileDescriptorHandle handle = new(descriptor);
        if (Libc.flock(descriptor, Libc.LOCK_EX | Libc.LOCK_NB) == 0) return new FolderLock(handle);
        int errno = Marshal.GetLastPInvokeError();
        handle.Dispose();
        return errno == Errno.EAGAIN ? null : throw new KernelException($"lock {folder}", errno);
    }

    /// <inheritdoc/>
    public void Dispose() => _folder.Dispose();
}
