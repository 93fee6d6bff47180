using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop;

/// <summary>How many descriptors this process may have (RLIMIT_NOFILE); getrlimit(2).</summary>
public static class OpenFileLimit
{
    /// <summary>Raises the limit in force to the most that this process may give itself.</summary>
    /// <returns>The limit in force from now on.</returns>
    /// <exception cref="KernelException">The kernel refused to tell.</exception>
    public static unsafe long Raise()
    {
        Libc.ResourceLimit limit;
        if (Libc.getrlimit(Libc.RLIMIT_NOFILE, &limit) != 0) throw new KernelException("read the limit of open files", Marshal.GetLastPInvokeError());
        Libc.ResourceLimit raised = limit with { Current = limit.Most };
        ulong inForce = limit.Current == limit.Most || Libc.setrlimit(Libc.RLIMIT_NOFILE, &raised) != 0 ? limit.Current : limit.Most;
        return (long)Math.Min(inForce, long.MaxValue);
    }
}
