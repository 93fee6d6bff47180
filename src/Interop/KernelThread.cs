using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop;

/// <summary>How the kernel schedules the calling thread; sched(7).</summary>
public static class KernelThread
{
    /// <summary>Sets the calling thread's nice value. Lower than now needs CAP_SYS_NICE.</summary>
    /// <param name="nice">-20 (first) to 19 (last).</param>
    /// <exception cref="KernelException">The kernel refused.</exception>
    public static void SetNice(int nice)
    {
        if (Libc.setpriority(Libc.PRIO_PROCESS, 0, nice) != 0) throw new KernelException($"set a thread's nice value to {nice} (CAP_SYS_NICE)", Marshal.GetLastPInvokeError());
    }
}
