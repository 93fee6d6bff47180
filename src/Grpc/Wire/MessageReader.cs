using System.Buffers;
using System.IO.Pipelines;

namespace Culvert.Grpc;

/// <summary>Reads length-prefixed messages from a pipe. One read at a time.</summary>
internal sealed class MessageReader(PipeReader input, int? maxSize) : DeserializationContext
{
    private ReadOnlySequence<byte> payload;

    /// <summary>The <c>grpc-encoding</c> of the stream; null means identity.</summary>
    internal string? Encoding { get; set; }

    public override int PayloadLength => checked((int)payload.Length);

    public override byte[] PayloadAsNewBuffer() => payload.ToArray();

    public override ReadOnlySequence<byte> PayloadAsReadOnlySequence() => payload;

    /// <summary>Reads the next message.</summary>
    /// <returns>The message, or null at the end of the stream.</returns>
    /// <exception cref="RpcException">The stream ends inside a message, or the message is not valid or too long.</exception>
    internal async ValueTask<T?> ReadAsync<T>(Marshaller<T> marshaller, CancellationToken cancellationToken)
        where T : class
    {
        while (true)
        {
            ReadResult result = await input.ReadAsync(cancellationToken);
            ReadOnlySequence<byte> buffer = result.Buffer;
            SequencePosition consumed = buffer.Start;
            SequencePosition examined = buffer.End;
            try
            {
                if (result.IsCanceled)
                {
                    throw new OperationCanceledException("Reading was cancelled.");
                }

                if (MessageFrame.TryRead(buffer, maxSize, out MessageFrame frame, out long length))
                {
                    consumed = examined = buffer.GetPosition(length);
                    return Decode(frame, marshaller);
                }

                if (result.IsCompleted)
                {
                    return buffer.IsEmpty
                        ? null
                        : throw new RpcException(new Status(StatusCode.Internal, "Incomplete message: the stream ended inside it."));
                }
            }
            finally
            {
                input.AdvanceTo(consumed, examined);
            }
        }
    }

    /// <summary>Reads to the end of the stream, and drops what comes. After the last message was read.</summary>
    internal async ValueTask SkipToEndAsync(CancellationToken cancellationToken)
    {
        bool isCompleted;
        do
        {
            ReadResult result = await input.ReadAsync(cancellationToken);
            isCompleted = result.IsCompleted;
            input.AdvanceTo(result.Buffer.End);
        }
        while (!isCompleted);
    }

    private T Decode<T>(in MessageFrame frame, Marshaller<T> marshaller)
        where T : class
    {
        if (!frame.IsCompressed)
        {
            return Decode(frame.Payload, marshaller);
        }

        if (Encoding is null or GrpcProtocol.Identity)
        {
            throw new RpcException(new Status(
                StatusCode.Internal, "Request or response has no grpc-encoding header, yet a message is marked as compressed."));
        }

        using PooledBuffer unpacked = MessageCompression.Decompress(frame.Payload, maxSize);
        return Decode(new ReadOnlySequence<byte>(unpacked.WrittenMemory), marshaller);
    }

    private T Decode<T>(ReadOnlySequence<byte> bytes, Marshaller<T> marshaller)
        where T : class
    {
        payload = bytes;
        try
        {
            return marshaller.ContextualDeserializer(this)
                ?? throw new InvalidOperationException($"The deserializer of {typeof(T).Name} returned null.");
        }
        catch (Exception e) when (e is not RpcException)
        {
            throw new RpcException(new Status(StatusCode.Internal, $"A {typeof(T).Name} message could not be decoded.", e));
        }
        finally
        {
            payload = default;
        }
    }
}
