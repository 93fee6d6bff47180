using System.Runtime.InteropServices;
using System.Runtime.InteropServices.Marshalling;
using Tmds.Linux;

namespace Culvert.Interop.Native;

/// <summary>
/// Declarations of what Tmds.LibC lacks of the C library, one partial per C header, and calls of its functions with strings in place of bytes.
/// Functions return -1 and set errno on failure unless said otherwise; names and constants keep their native spelling.
/// </summary>
/// <remarks>Tmds.LibC keeps errno where <see cref="Marshal.GetLastPInvokeError"/> finds it, as the declarations here do.</remarks>
internal static unsafe partial class Libc
{
    internal const string Library = "libc";

    // fcntl.h

    /// <summary>Opens an existing file; no mode is passed, so O_CREAT must not be in the flags.</summary>
    internal static int open_existing(string path, int flags)
    {
        byte* native = Utf8StringMarshaller.ConvertToUnmanaged(path);
        int descriptor = LibC.open(native, flags, default);
        Utf8StringMarshaller.Free(native);
        return descriptor;
    }

    // sys/file.h

    internal const int LOCK_EX = 2;
    internal const int LOCK_NB = 4;

    /// <summary>Takes a lock of the whole file or folder, which goes with the last copy of the descriptor (flock(2)).</summary>
    [LibraryImport(Library, SetLastError = true)]
    internal static partial int flock(int fd, int operation);

    // sys/stat.h

    internal static int statx(int folder, string path, int flags, statx* status)
    {
        byte* native = Utf8StringMarshaller.ConvertToUnmanaged(path);
        int result = LibC.statx(folder, native, flags, LibC.STATX_BASIC_STATS, status);
        Utf8StringMarshaller.Free(native);
        return result;
    }

    /// <summary>Gives a file another name, without following links; 0, or -1.</summary>
    internal static int link(string existing, string path)
    {
        byte* from = Utf8StringMarshaller.ConvertToUnmanaged(existing), to = Utf8StringMarshaller.ConvertToUnmanaged(path);
        int result = LibC.link(from, to);
        Utf8StringMarshaller.Free(from);
        Utf8StringMarshaller.Free(to);
        return result;
    }

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
