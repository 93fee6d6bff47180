namespace Culvert.Interop.Bpf;

/// <summary>What came of a test run.</summary>
/// <param name="ReturnValue">The program's return value: for TC TC_ACT_* (-1 shows as 0xffffffff), for XDP XDP_*.</param>
/// <param name="OutputLength">Length of the packet afterwards, in bytes.</param>
/// <param name="Duration">Mean time of one run; the unit of TimeSpan is coarse, see <paramref name="Nanoseconds"/>.</param>
/// <param name="Nanoseconds">Mean time of one run.</param>
public readonly record struct BpfTestRunResult(uint ReturnValue, int OutputLength, TimeSpan Duration, uint Nanoseconds);
