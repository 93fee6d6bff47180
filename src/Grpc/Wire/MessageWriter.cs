using System.Buffers;

namespace Culvert.Grpc;

/// <summary>Encodes one message at a time with its prefix into a pooled buffer, held until <see cref="Release"/>. Not thread-safe.</summary>
/// <param name="maxSize">Longest payload, in bytes; null: no limit.</param>
/// <param name="gzip">Whether payloads are compressed.</param>
/// <param name="keepsPieces">Whether who uses it sends <see cref="Pieces"/> behind what <see cref="Encode"/> returns; else all is copied into the buffer.</param>
#pragma warning disable CA1001 // Release gives the buffer back after each message; nothing is held between messages.
internal sealed class MessageWriter(int? maxSize, bool gzip, bool keepsPieces = false) : SerializationContext
#pragma warning restore CA1001
{
    private static readonly byte[] EmptyHeader = new byte[GrpcProtocol.FrameHeaderSize];

    private PooledBuffer buffer = new();
    private bool complete;

    /// <summary>What of the message comes behind what <see cref="Encode"/> has returned, and was not copied.</summary>
    internal IReadOnlyList<ReadOnlyMemory<byte>> Pieces { get; private set; } = [];

    /// <summary>Encodes a message; the result is valid until <see cref="Release"/> or the next message.</summary>
    /// <exception cref="RpcException">The message is too long.</exception>
    internal ReadOnlyMemory<byte> Encode<T>(T message, Marshaller<T> marshaller, WriteFlags flags)
    {
        Release();
        complete = false;
        buffer.Write(EmptyHeader);
        marshaller.ContextualSerializer(message, this);
        if (!complete)
        {
            throw new InvalidOperationException($"The serializer of {typeof(T).Name} did not complete its payload.");
        }

        int length = Pieces.Aggregate(buffer.Length - GrpcProtocol.FrameHeaderSize, (sum, piece) => checked(sum + piece.Length));
        if (length > (maxSize ?? int.MaxValue))
        {
            Release();
            throw new RpcException(new Status(
                StatusCode.ResourceExhausted, $"Sending message of {length} bytes exceeds the maximum of {maxSize} bytes."));
        }

        bool compressed = gzip && !flags.HasFlag(WriteFlags.NoCompress);
        if (compressed)
        {
            PooledBuffer packed = new();
            packed.Write(EmptyHeader);
            MessageCompression.Compress(buffer.WrittenSpan[GrpcProtocol.FrameHeaderSize..], packed);
            buffer.Dispose();
            buffer = packed;
        }

        MessageFrame.WriteHeader(buffer.WrittenSpan, compressed, compressed ? buffer.Length - GrpcProtocol.FrameHeaderSize : length);
        return buffer.WrittenMemory;
    }

    /// <summary>Gives the buffer back to the pool.</summary>
    internal void Release()
    {
        buffer.Dispose();
        Pieces = [];
    }

    public override void Complete(byte[] payload)
    {
        ArgumentNullException.ThrowIfNull(payload);
        buffer.Write(payload);
        Complete();
    }

    public override void Complete(IReadOnlyList<ReadOnlyMemory<byte>> pieces)
    {
        ArgumentNullException.ThrowIfNull(pieces);
        if (keepsPieces && !gzip)
        {
            Pieces = pieces;
        }
        else
        {
            foreach (ReadOnlyMemory<byte> piece in pieces)
            {
                buffer.Write(piece.Span);
            }
        }

        Complete();
    }

    public override IBufferWriter<byte> GetBufferWriter() => buffer;

    public override void SetPayloadLength(int payloadLength)
    {
        ArgumentOutOfRangeException.ThrowIfNegative(payloadLength);
        buffer.EnsureFree(payloadLength);
    }

    public override void Complete()
    {
        if (complete)
        {
            throw new InvalidOperationException("The payload is complete already.");
        }

        complete = true;
    }
}
