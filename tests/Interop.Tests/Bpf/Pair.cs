using System.Runtime.InteropServices;

namespace Culvert.Interop.Tests.Bpf;

/// <summary>struct pair of interop_test.bpf.c.</summary>
[StructLayout(LayoutKind.Sequential)]
internal struct Pair
{
    public uint A;
    public uint B;
}
