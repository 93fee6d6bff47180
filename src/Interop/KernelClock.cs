using System.Runtime.InteropServices;

namespace Culvert.Interop;

/// <summary>What the kernel knows about its clock. Thread-safe.</summary>
public static unsafe partial class KernelClock
{
    private const int STA_UNSYNC = 0x40;
    private const int CLOCK_BOOTTIME = 7;

    /// <summary>Whether something (NTP, PTP) keeps the clock in step, by adjtimex(2).</summary>
    /// <exception cref="KernelException">The call failed.</exception>
    public static bool IsSynchronized
    {
        get
        {
            Timex state = default; // modes = 0 only reads
            int result = adjtimex(&state);
            return result >= 0 ? (state.Status & STA_UNSYNC) == 0 : throw new KernelException("adjtimex", Marshal.GetLastPInvokeError());
        }
    }

    /// <summary>Since the system has started, the time that it slept included, by clock_gettime(2). What <c>/proc</c> says of when a process began is counted so, too.</summary>
    /// <exception cref="KernelException">The call failed.</exception>
    public static TimeSpan SinceBoot
    {
        get
        {
            Timespec now = default;
            if (clock_gettime(CLOCK_BOOTTIME, &now) != 0) throw new KernelException("clock_gettime", Marshal.GetLastPInvokeError());
            return TimeSpan.FromTicks((now.Seconds * TimeSpan.TicksPerSecond) + (now.Nanoseconds / TimeSpan.NanosecondsPerTick));
        }
    }

    [LibraryImport("libc", SetLastError = true)]
    private static partial int adjtimex(Timex* buf);

    [LibraryImport("libc", SetLastError = true)]
    private static partial int clock_gettime(int clock, Timespec* time);

    // struct timespec of 64-bit systems.
    [StructLayout(LayoutKind.Sequential)]
    private struct Timespec
    {
        public long Seconds;
        public long Nanoseconds;
    }

    // struct timex of linux/timex.h on 64-bit systems is 208 bytes; only these members are looked at.
    [StructLayout(LayoutKind.Explicit, Size = 208)]
    private struct Timex
    {
        [FieldOffset(0)]
        public uint Modes;

        [FieldOffset(40)]
        public int Status;
    }
}
