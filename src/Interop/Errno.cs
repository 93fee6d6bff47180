using System.Runtime.InteropServices;

namespace Culvert.Interop;

/// <summary>Linux error numbers (asm-generic/errno.h; the same on x86-64 and arm64) and their names.</summary>
public static class Errno
{
    /// <summary>Operation not permitted.</summary>
    public const int EPERM = 1;

    /// <summary>No such file, key or object.</summary>
    public const int ENOENT = 2;

    /// <summary>Interrupted by a signal.</summary>
    public const int EINTR = 4;

    /// <summary>Argument list, or a size, too big.</summary>
    public const int E2BIG = 7;

    /// <summary>Bad file descriptor.</summary>
    public const int EBADF = 9;

    /// <summary>Try again.</summary>
    public const int EAGAIN = 11;

    /// <summary>Out of memory.</summary>
    public const int ENOMEM = 12;

    /// <summary>Too many open files in the system.</summary>
    public const int ENFILE = 23;

    /// <summary>Too many open files of the process.</summary>
    public const int EMFILE = 24;

    /// <summary>Permission denied.</summary>
    public const int EACCES = 13;

    /// <summary>Device or resource busy.</summary>
    public const int EBUSY = 16;

    /// <summary>Already exists.</summary>
    public const int EEXIST = 17;

    /// <summary>Another device: a packet that could not have come by a link.</summary>
    public const int EXDEV = 18;

    /// <summary>No such device.</summary>
    public const int ENODEV = 19;

    /// <summary>Invalid argument.</summary>
    public const int EINVAL = 22;

    /// <summary>Read-only file system.</summary>
    public const int EROFS = 30;

    /// <summary>No space left.</summary>
    public const int ENOSPC = 28;

    /// <summary>No link of that kind any more (a detached BPF link).</summary>
    public const int ENOLINK = 67;

    /// <summary>Not supported on this object.</summary>
    public const int EOPNOTSUPP = 95;

    /// <summary>No buffer space available.</summary>
    public const int ENOBUFS = 105;

    /// <summary>No such process; rtnetlink says it for a missing route.</summary>
    public const int ESRCH = 3;

    /// <summary>Address not available; rtnetlink says it for a missing address.</summary>
    public const int EADDRNOTAVAIL = 99;

    /// <summary>Kernel-internal "not supported", seen from bpf(2) when a map has no batch operation.</summary>
    public const int ENOTSUPP = 524;

    /// <summary>The kernel does not have that option of a socket.</summary>
    public const int ENOPROTOOPT = 92;

    /// <summary>The kernel does not have that protocol.</summary>
    public const int EPROTONOSUPPORT = 93;

    /// <summary>The network is out of reach.</summary>
    public const int ENETUNREACH = 101;

    /// <summary>There is no route to the host.</summary>
    public const int EHOSTUNREACH = 113;

    private static readonly string[] Names =
    [
        "OK", "EPERM", "ENOENT", "ESRCH", "EINTR", "EIO", "ENXIO", "E2BIG", "ENOEXEC", "EBADF", "ECHILD", "EAGAIN", "ENOMEM",
        "EACCES", "EFAULT", "ENOTBLK", "EBUSY", "EEXIST", "EXDEV", "ENODEV", "ENOTDIR", "EISDIR", "EINVAL", "ENFILE", "EMFILE",
        "ENOTTY", "ETXTBSY", "EFBIG", "ENOSPC", "ESPIPE", "EROFS", "EMLINK", "EPIPE", "EDOM", "ERANGE", "EDEADLK", "ENAMETOOLONG",
        "ENOLCK", "ENOSYS", "ENOTEMPTY", "ELOOP", "41", "ENOMSG", "EIDRM", "ECHRNG", "EL2NSYNC", "EL3HLT", "EL3RST", "ELNRNG",
        "EUNATCH", "ENOCSI", "EL2HLT", "EBADE", "EBADR", "EXFULL", "ENOANO", "EBADRQC", "EBADSLT", "58", "EBFONT", "ENOSTR",
        "ENODATA", "ETIME", "ENOSR", "ENONET", "ENOPKG", "EREMOTE", "ENOLINK", "EADV", "ESRMNT", "ECOMM", "EPROTO", "EMULTIHOP",
        "EDOTDOT", "EBADMSG", "EOVERFLOW", "ENOTUNIQ", "EBADFD", "EREMCHG", "ELIBACC", "ELIBBAD", "ELIBSCN", "ELIBMAX", "ELIBEXEC",
        "EILSEQ", "ERESTART", "ESTRPIPE", "EUSERS", "ENOTSOCK", "EDESTADDRREQ", "EMSGSIZE", "EPROTOTYPE", "ENOPROTOOPT",
        "EPROTONOSUPPORT", "ESOCKTNOSUPPORT", "EOPNOTSUPP", "EPFNOSUPPORT", "EAFNOSUPPORT", "EADDRINUSE", "EADDRNOTAVAIL",
        "ENETDOWN", "ENETUNREACH", "ENETRESET", "ECONNABORTED", "ECONNRESET", "ENOBUFS", "EISCONN", "ENOTCONN", "ESHUTDOWN",
        "ETOOMANYREFS", "ETIMEDOUT", "ECONNREFUSED", "EHOSTDOWN", "EHOSTUNREACH", "EALREADY", "EINPROGRESS", "ESTALE", "EUCLEAN",
        "ENOTNAM", "ENAVAIL", "EISNAM", "EREMOTEIO", "EDQUOT", "ENOMEDIUM", "EMEDIUMTYPE", "ECANCELED", "ENOKEY", "EKEYEXPIRED",
        "EKEYREVOKED", "EKEYREJECTED", "EOWNERDEAD", "ENOTRECOVERABLE", "ERFKILL", "EHWPOISON",
    ];

    /// <summary>The symbolic name of an error number, for example "ENOENT".</summary>
    /// <param name="errno">A positive error number.</param>
    /// <returns>The name, or "errno N" for a number that has none.</returns>
    public static string Name(int errno) => errno switch
    {
        ENOTSUPP => "ENOTSUPP",
        >= 0 when errno < Names.Length => Names[errno],
        _ => $"errno {errno}",
    };

    /// <summary>The name and the C library's sentence for it, for example "ENOENT (No such file or directory)".</summary>
    /// <param name="errno">A positive error number.</param>
    /// <returns>Text for a message to a person.</returns>
    public static string Describe(int errno) => errno == ENOTSUPP
        ? "ENOTSUPP (operation is not supported)"
        : $"{Name(errno)} ({Marshal.GetPInvokeErrorMessage(errno)})";
}
