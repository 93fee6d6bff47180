using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;

namespace Culvert.Interop.Sockets;

/// <summary>Room for the events of one wait. struct epoll_event is packed (12 bytes) on x86-64 and aligned (16) elsewhere.</summary>
public sealed class EpollBuffer
{
    private static readonly bool Packed = RuntimeInformation.ProcessArchitecture == Architecture.X64;
    private readonly byte[] _bytes;

    /// <summary>Makes a buffer.</summary>
    /// <param name="capacity">Events one wait may return; at least 1.</param>
    public EpollBuffer(int capacity)
    {
        ArgumentOutOfRangeException.ThrowIfLessThan(capacity, 1);
        Capacity = capacity;
        _bytes = GC.AllocateUninitializedArray<byte>(capacity * EventSize, pinned: true);
    }

    /// <summary>Events one wait may return.</summary>
    public int Capacity { get; }

    internal static int EventSize => Packed ? 12 : 16;

    internal static int DataOffset => Packed ? 4 : 8;

    internal Span<byte> Bytes => _bytes;

    /// <summary>Reads one event of the last wait.</summary>
    /// <param name="index">Less than the count the wait returned.</param>
    /// <param name="token">What the descriptor was registered with.</param>
    public EpollEvents Get(int index, out ulong token)
    {
        ReadOnlySpan<byte> item = _bytes.AsSpan(index * EventSize, EventSize);
        token = Unsafe.ReadUnaligned<ulong>(ref Unsafe.AsRef(in item[DataOffset]));
        return (EpollEvents)Unsafe.ReadUnaligned<uint>(ref Unsafe.AsRef(in item[0]));
    }
}
