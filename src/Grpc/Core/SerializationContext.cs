using System.Buffers;

namespace Grpc.Core;

/// <summary>Where a marshaller puts one outgoing message. Valid only during the call of the serializer; not thread-safe.</summary>
public abstract class SerializationContext
{
    /// <summary>Gives the whole payload at once.</summary>
    /// <param name="payload">The encoded message; copied.</param>
    public abstract void Complete(byte[] payload);

    /// <summary>Gives the whole payload in pieces, for messages that have long parts in common: a server does not copy them.</summary>
    /// <param name="pieces">The encoded message, piece after piece; what is in them must stay as it is until the message is sent.</param>
    public abstract void Complete(IReadOnlyList<ReadOnlyMemory<byte>> pieces);

    /// <summary>A writer for the payload; end it with <see cref="Complete()"/>.</summary>
    public abstract IBufferWriter<byte> GetBufferWriter();

    /// <summary>Says the length beforehand, so that the buffer is rented once. Optional.</summary>
    /// <param name="payloadLength">Bytes that will be written, 0 or more.</param>
    public abstract void SetPayloadLength(int payloadLength);

    /// <summary>Ends a payload written through <see cref="GetBufferWriter"/>.</summary>
    public abstract void Complete();
}
