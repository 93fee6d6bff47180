using System.Runtime.InteropServices;

namespace Culvert.Interop.Native;

/// <summary>
/// Declarations from the C library, one partial per C header. Functions return -1 and set errno on failure unless said
/// otherwise; names and constants keep their native spelling.
/// </summary>
internal static unsafe partial class Libc
{
    internal const string Library = "libc";

    internal const int F_DUPFD_CLOEXEC = 1030;

    // unistd.h

    /// <summary>Closes a descriptor. Never retried: Linux releases the number even when it reports EINTR.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int close(int fd);

    /// <summary>fcntl(fd, F_DUPFD_CLOEXEC, lowest): a copy of the descriptor that is closed on exec.</summary>
    [LibraryImport(Library, EntryPoint = "fcntl", SetLastError = true)]
    internal static partial int fcntl_dupfd(int fd, int command, int lowest);

    /// <summary>The generic system call; every argument is a machine word.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial nint syscall(nint number, nint a, nint b, nint c);

    // fcntl.h

    internal const int O_RDONLY = 0;
    internal const int O_CLOEXEC = 0x80000;
    internal const int O_PATH = 0x200000;

    /// <summary>Opens an existing file; no mode is passed, so O_CREAT must not be in the flags.</summary>
    [LibraryImport(Library, EntryPoint = "open", SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int open_existing(string path, int flags);

    // sys/file.h

    internal const int LOCK_EX = 2;
    internal const int LOCK_NB = 4;

    /// <summary>Takes a lock of the whole file or folder, which goes with the last copy of the descriptor (flock(2)).</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int flock(int fd, int operation);

    // sys/stat.h

    /// <summary>Fills a struct stat (at most 144 bytes), whose second machine word is st_ino on x86-64 and arm64.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int fstat(int fd, ulong* buffer);

    internal const int AT_FDCWD = -100;
    internal const int AT_SYMLINK_NOFOLLOW = 0x100;
    internal const int AT_EMPTY_PATH = 0x1000;
    internal const uint STATX_BASIC_STATS = 0x7FF;
    internal const int S_IFMT = 0xF000;
    internal const int S_IFREG = 0x8000;
    internal const int S_IFLNK = 0xA000;

    // Offsets in struct statx (linux/stat.h): stx_uid, stx_mode, stx_ino.
    internal const int StatxLength = 256;
    internal const int StatxOwnerOffset = 20;
    internal const int StatxModeOffset = 28;
    internal const int StatxInodeOffset = 32;

    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int statx(int folder, string path, int flags, uint mask, byte* buffer);

    /// <summary>Gives a file another name, without following links; 0, or -1.</summary>
    [LibraryImport(Library, SetLastError = true, StringMarshalling = StringMarshalling.Utf8)]
    internal static partial int link(string existing, string path);

    [LibraryImport(Library)]
    internal static partial uint geteuid();

    // sys/resource.h

    internal const int PRIO_PROCESS = 0;

    /// <summary>Sets the nice value; with PRIO_PROCESS and 0, of the calling thread alone (Linux, setpriority(2)).</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setpriority(int which, uint who, int priority);

    internal const int RLIMIT_CORE = 4;
    internal const int RLIMIT_NOFILE = 7;

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int getrlimit(int resource, ResourceLimit* limit);

    [LibraryImport(Library, SetLastError = true)]
    internal static partial int setrlimit(int resource, ResourceLimit* limit);

    /// <summary>struct rlimit.</summary>
    internal struct ResourceLimit
    {
        internal ulong Current;
        internal ulong Most;
    }

    // sys/prctl.h

    internal const int PR_GET_DUMPABLE = 3;
    internal const int PR_SET_DUMPABLE = 4;

    /// <summary>The C library takes the arguments as words, as many as it is given.</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int prctl(int operation, nuint a, nuint b, nuint c, nuint d);

    // stdio.h

    /// <summary>Formats through a va_list, which both supported ABIs (x86-64, arm64) pass as a pointer.</summary>
    [LibraryImport(Library)]
    internal static partial int vsnprintf(byte* buffer, nuint size, byte* format, void* arguments);
}
