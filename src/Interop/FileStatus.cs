using Culvert.Interop.Native;

namespace Culvert.Interop;

/// <summary>Who owns a file or folder, and what it is; of a symbolic link itself, not of what it leads to.</summary>
/// <param name="Owner">User id of the owner.</param>
/// <param name="Inode">Inode number.</param>
/// <param name="IsLink">Whether it is a symbolic link.</param>
public readonly record struct FileStatus(uint Owner, ulong Inode, bool IsLink)
{
    /// <summary>User id that this process acts as.</summary>
    public static uint EffectiveUser => Libc.geteuid();

    /// <summary>Looks at a path; null when there is nothing.</summary>
    /// <exception cref="KernelException">It can't be looked at.</exception>
    public static unsafe FileStatus? Of(string path)
    {
        ArgumentNullException.ThrowIfNull(path);

        // struct statx has the same layout on every architecture.
        byte* buffer = stackalloc byte[Libc.StatxLength];
        if (Libc.statx(Libc.AT_FDCWD, path, Libc.AT_SYMLINK_NOFOLLOW, Libc.STATX_BASIC_STATS, buffer) != 0)
        {
            int errno = System.Runtime.InteropServices.Marshal.GetLastPInvokeError();
            return errno is Errno.ENOENT ? null : throw new KernelException($"look at {path}", errno);
        }

        ReadOnlySpan<byte> status = new(buffer, Libc.StatxLength);
        uint owner = BitConverter.ToUInt32(status[Libc.StatxOwnerOffset..]);
        int mode = BitConverter.ToUInt16(status[Libc.StatxModeOffset..]);
        return new FileStatus(owner, BitConverter.ToUInt64(status[Libc.StatxInodeOffset..]), (mode & Libc.S_IFMT) == Libc.S_IFLNK);
    }
}
