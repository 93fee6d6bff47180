using System.Buffers.Binary;
using System.Numerics;

namespace Culvert.Core;

/// <summary>CRC-32C (Castagnoli, RFC 3720 B.4), by the processor's instruction where it has one.</summary>
internal static class Crc32C
{
    internal const uint Seed = uint.MaxValue;

    internal static uint Append(uint state, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= sizeof(ulong); bytes = bytes[sizeof(ulong)..]) state = BitOperations.Crc32C(state, BinaryPrimitives.ReadUInt64LittleEndian(bytes));
        foreach (byte b in bytes) state = BitOperations.Crc32C(state, b);
        return state;
    }

    internal static uint Finish(uint state) => ~state;
}
