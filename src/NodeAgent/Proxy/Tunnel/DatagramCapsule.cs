using System.Buffers.Binary;
using Culvert.Http2.Capsules;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// The DATAGRAM capsules of a CONNECT-UDP stream: a context id (RFC 9298, section 4) and what that says follows. Besides UDP payloads there are this mesh's
/// additions, of which a client learns what the destination said; both ends have to agree on them (<see cref="DatagramHeaders.AddSourcePort"/>).
/// </summary>
internal static class DatagramCapsule
{
    /// <summary>Largest payload of UDP in bytes (RFC 9298, section 5).</summary>
    internal const int MaxPayload = 65_527;

    /// <summary>Longest value of a capsule in bytes.</summary>
    internal const int MaxValue = MaxPayload + QuicVarint.MaxLength + sizeof(ushort);

    /// <summary>Most bytes that stand in front of a payload.</summary>
    internal const int MaxHead = Capsule.MaxHeaderLength + QuicVarint.MaxLength + sizeof(ushort);

    // A client's numbers are even, a server's odd.
    private const byte PayloadContext = 0;

    // The other port of the destination that the payload comes from stands in front of it in two bytes.
    private const byte SourcePortContext = 1;

    // Without a payload.
    private const byte UnreachableContext = 3;

    /// <summary>Writes what stands in front of a payload; returns its length.</summary>
    /// <param name="target">At least <see cref="MaxHead"/> bytes.</param>
    /// <param name="payloadLength">0 to <see cref="MaxPayload"/>.</param>
    /// <param name="sourcePort">0, or the other port of the destination that it comes from (an addition).</param>
    internal static int WriteHead(Span<byte> target, int payloadLength, ushort sourcePort)
    {
        if (sourcePort == 0) return WriteStart(target, PayloadContext, payloadLength);
        int length = WriteStart(target, SourcePortContext, sizeof(ushort) + payloadLength);
        BinaryPrimitives.WriteUInt16BigEndian(target[length..], sourcePort);
        return length + sizeof(ushort);
    }

    /// <summary>Writes a whole capsule that says that nobody listens at the destination's port (an addition); returns its length.</summary>
    /// <param name="target">At least <see cref="MaxHead"/> bytes.</param>
    internal static int WriteUnreachable(Span<byte> target) => WriteStart(target, UnreachableContext, 0);

    /// <summary>Reads the value of a capsule.</summary>
    /// <param name="value">The value.</param>
    /// <param name="additions">Whether this is a client that has agreed on the additions.</param>
    /// <param name="payload">The datagram, within the value.</param>
    /// <param name="sourcePort">0, or the other port of the destination that it comes from.</param>
    internal static DatagramCapsuleContent Read(ReadOnlySpan<byte> value, bool additions, out ReadOnlySpan<byte> payload, out ushort sourcePort)
    {
        payload = default;
        sourcePort = 0;
        if (!QuicVarint.TryRead(value, out ulong context, out int length)) return DatagramCapsuleContent.Malformed;
        value = value[length..];
        if (additions && context == UnreachableContext && value.IsEmpty) return DatagramCapsuleContent.Unreachable;
        if (additions && context == SourcePortContext)
        {
            if (!BinaryPrimitives.TryReadUInt16BigEndian(value, out sourcePort)) return DatagramCapsuleContent.Malformed;
            value = value[sizeof(ushort)..];
        }
        else if (context != PayloadContext)
        {
            return DatagramCapsuleContent.UnknownContext;
        }

        if (value.Length > MaxPayload) return DatagramCapsuleContent.TooLong;
        payload = value;
        return DatagramCapsuleContent.Payload;
    }

    private static int WriteStart(Span<byte> target, byte context, int length)
    {
        int used = Capsule.WriteHeader(target, Capsule.DatagramType, sizeof(byte) + length);
        target[used] = context;
        return used + sizeof(byte);
    }
}
