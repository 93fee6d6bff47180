using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop;

/// <summary>What becomes of this process's memory, keys and all, when it ends by a signal; prctl(2), core(5).</summary>
public static class CoreDumps
{
    /// <summary>Whether none is written.</summary>
    /// <exception cref="KernelException">The kernel refused to tell.</exception>
    public static unsafe bool AreForbidden
    {
        get
        {
            Libc.ResourceLimit limit;
            if (Libc.getrlimit(Libc.RLIMIT_CORE, &limit) != 0) throw new KernelException("read the limit of core files", Marshal.GetLastPInvokeError());
            int dumpable = Libc.prctl(Libc.PR_GET_DUMPABLE, 0, 0, 0, 0);
            return dumpable < 0 ? throw new KernelException("ask whether memory is dumped", Marshal.GetLastPInvokeError()) : dumpable == 0 && limit.Most == 0;
        }
    }

    /// <summary>
    /// Has none written from now on, neither to a file nor to a program that the kernel's core_pattern names, and lets nobody but root read this process's memory. Processes that it starts have no core files either.
    /// </summary>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static unsafe void Forbid()
    {
        if (Libc.prctl(Libc.PR_SET_DUMPABLE, 0, 0, 0, 0) != 0) throw new KernelException("have memory not dumped", Marshal.GetLastPInvokeError());
        Libc.ResourceLimit none = default;
        if (Libc.setrlimit(Libc.RLIMIT_CORE, &none) != 0) throw new KernelException("have no core files written", Marshal.GetLastPInvokeError());
    }
}
