using System.Buffers;
using System.Buffers.Binary;

namespace Culvert.Grpc;

/// <summary>One length-prefixed message: a flag byte, four bytes of length, the payload.</summary>
internal readonly struct MessageFrame
{
    private MessageFrame(bool compressed, ReadOnlySequence<byte> payload)
    {
        IsCompressed = compressed;
        Payload = payload;
    }

    internal bool IsCompressed { get; }

    internal ReadOnlySequence<byte> Payload { get; }

    /// <summary>Takes one frame from the start of a buffer.</summary>
    /// <param name="buffer">The bytes received so far.</param>
    /// <param name="maxSize">Longest payload accepted, or null for no limit.</param>
    /// <param name="frame">The frame, when it is complete.</param>
    /// <param name="needed">Bytes the buffer must hold before another try can succeed; when complete, bytes the frame takes.</param>
    /// <returns>Whether a whole frame was there.</returns>
    /// <exception cref="RpcException">The prefix is not valid, or the payload is too long.</exception>
    internal static bool TryRead(in ReadOnlySequence<byte> buffer, int? maxSize, out MessageFrame frame, out long needed)
    {
        frame = default;
        needed = GrpcProtocol.FrameHeaderSize;
        if (buffer.Length < GrpcProtocol.FrameHeaderSize)
        {
            return false;
        }

        Span<byte> prefix = stackalloc byte[GrpcProtocol.FrameHeaderSize];
        buffer.Slice(0, GrpcProtocol.FrameHeaderSize).CopyTo(prefix);
        if (prefix[0] > 1)
        {
            throw new RpcException(new Status(StatusCode.Internal, "Unexpected compressed flag value in message header."));
        }

        uint length = BinaryPrimitives.ReadUInt32BigEndian(prefix[1..]);
        if (length > (uint)(maxSize ?? int.MaxValue))
        {
            throw new RpcException(new Status(
                StatusCode.ResourceExhausted,
                $"Received message of {length} bytes exceeds the maximum of {maxSize ?? int.MaxValue} bytes."));
        }

        needed += length;
        if (buffer.Length < needed)
        {
            return false;
        }

        frame = new MessageFrame(prefix[0] == 1, buffer.Slice(GrpcProtocol.FrameHeaderSize, length));
        return true;
    }

    /// <summary>Writes the prefix of a message.</summary>
    internal static void WriteHeader(Span<byte> destination, bool compressed, int length)
    {
        destination[0] = compressed ? (byte)1 : (byte)0;
        BinaryPrimitives.WriteUInt32BigEndian(destination[1..], (uint)length);
    }
}
