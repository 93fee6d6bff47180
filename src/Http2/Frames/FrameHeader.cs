using System.Buffers.Binary;

namespace Culvert.Http2.Frames;

/// <summary>The nine bytes in front of every frame (RFC 9113, section 4.1).</summary>
internal readonly record struct FrameHeader(int Length, FrameType Type, FrameFlags Flags, int StreamId)
{
    public const int Size = 9;

    public bool Has(FrameFlags flag) => (Flags & flag) != FrameFlags.None;

    public static FrameHeader Read(ReadOnlySpan<byte> source) => new(
        (source[0] << 16) | (source[1] << 8) | source[2],
        (FrameType)source[3],
        (FrameFlags)source[4],
        BinaryPrimitives.ReadInt32BigEndian(source[5..]) & int.MaxValue);

    public static void Write(Span<byte> target, int length, FrameType type, FrameFlags flags, int streamId)
    {
        BinaryPrimitives.WriteUInt32BigEndian(target, ((uint)length << 8) | (byte)type);
        target[4] = (byte)flags;
        BinaryPrimitives.WriteInt32BigEndian(target[5..], streamId);
    }
}
