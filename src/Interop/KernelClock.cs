using System.Runtime.InteropServices;

namespace Culvert.Interop;

/// <summary>What the kernel knows about its clock. Thread-safe.</summary>
public static unsafe partial class KernelClock
{
    private const int STA_UNSYNC = 0x40;

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

    [LibraryImport("libc", SetLastError = true)]
    private static partial int adjtimex(Timex* buf);

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
