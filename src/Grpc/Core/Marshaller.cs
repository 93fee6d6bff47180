namespace Grpc.Core;

/// <summary>Encodes and decodes messages of one type. Immutable; thread-safe when its functions are.</summary>
/// <typeparam name="T">The message type.</typeparam>
public sealed class Marshaller<T>
{
    /// <summary>Makes a marshaller from functions over byte arrays.</summary>
    /// <param name="serializer">Encodes a message.</param>
    /// <param name="deserializer">Decodes a message; throws when the bytes are not valid.</param>
    public Marshaller(Func<T, byte[]> serializer, Func<byte[], T> deserializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        ArgumentNullException.ThrowIfNull(deserializer);
        ContextualSerializer = (message, context) => context.Complete(serializer(message));
        ContextualDeserializer = context => deserializer(context.PayloadAsNewBuffer());
    }

    /// <summary>Makes a marshaller that works on pooled buffers.</summary>
    /// <param name="serializer">Encodes a message into the context.</param>
    /// <param name="deserializer">Decodes a message from the context; throws when the bytes are not valid.</param>
    public Marshaller(Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer)
    {
        ArgumentNullException.ThrowIfNull(serializer);
        ArgumentNullException.ThrowIfNull(deserializer);
        ContextualSerializer = serializer;
        ContextualDeserializer = deserializer;
    }

    /// <summary>Encodes a message into the context.</summary>
    public Action<T, SerializationContext> ContextualSerializer { get; }

    /// <summary>Decodes a message from the context.</summary>
    public Func<DeserializationContext, T> ContextualDeserializer { get; }
}
