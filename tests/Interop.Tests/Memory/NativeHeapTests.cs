using System.Globalization;
using System.Runtime.InteropServices;
using Culvert.Interop.Memory;

namespace Culvert.Interop.Tests.Memory;

/// <summary>The C library's heap.</summary>
public sealed class NativeHeapTests
{
    // Small enough that malloc(3), which AllocHGlobal calls, takes it from a heap.
    private const int Piece = 1024;
    private const int Pieces = 64 * 1024;

    [Fact]
    public void WhatIsFreeGoesBackToTheSystem()
    {
        nint[] pieces = new nint[Pieces];
        for (int i = 0; i < Pieces; i++)
        {
            pieces[i] = Marshal.AllocHGlobal(Piece);
            Marshal.WriteByte(pieces[i], 1);
        }
        long full = ResidentBytes();

        // The last one stays: what lies before it is not given back by itself.
        for (int i = 0; i < Pieces - 1; i++) Marshal.FreeHGlobal(pieces[i]);
        long kept = ResidentBytes();
        Assert.InRange(NativeHeap.FreeBytes, (Pieces - 1) * Piece, long.MaxValue);
        NativeHeap.Trim();
        long trimmed = ResidentBytes();
        Marshal.FreeHGlobal(pieces[^1]);
        Assert.InRange(kept, full - (Pieces * Piece / 2), long.MaxValue);
        Assert.InRange(trimmed, 0, full - (Pieces * Piece * 3 / 4));
    }

    private static long ResidentBytes() =>
        long.Parse(File.ReadAllText("/proc/self/statm").Split(' ')[1], CultureInfo.InvariantCulture) * Environment.SystemPageSize;
}
