using Culvert.Interop.Native;
using Tmds.Linux;

namespace Culvert.Interop;

/// <summary>Who owns a file or folder, and what it is; of a symbolic link itself, not of what it leads to.</summary>
/// <param name="Owner">User id of the owner.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="IsLink">Whether it is a symbolic link.</param>
public readonly record struct FileStatus(uint Owner, ulong Inode, bool IsLink)
{
    /// <summary>User id that this process acts as.</summary>
    public static uint EffectiveUser => LibC.geteuid();

    /// <summary>Looks at a path; null when there is nothing.</summary>
    /// <exception cref="KernelException">It can't be looked at.</exception>
    public static unsafe FileStatus? Of(string path)
    {
        ArgumentNullException.ThrowIfNull(path);

        statx status;
        if (Libc.statx(LibC.AT_FDCWD, path, LibC.AT_SYMLINK_NOFOLLOW, &status) != 0)
        {
            int errno = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
            return errno is Errno.ENOENT ? null : throw new KernelException($"look at {path}", errno);
        }

        return new FileStatus(status.stx_uid, status.stx_ino, (status.stx_mode & (ushort)LibC.S_IFMT) == (ushort)LibC.S_IFLNK);
    }
}
