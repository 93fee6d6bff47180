namespace Grpc.Core;

/// <summary>Makes marshallers.</summary>
public static class Marshallers
{
    /// <summary>UTF-8 text as the payload.</summary>
    public static Marshaller<string> StringMarshaller { get; } =
        new(System.Text.Encoding.UTF8.GetBytes, System.Text.Encoding.UTF8.GetString);

    /// <summary>Makes a marshaller from functions over byte arrays.</summary>
    /// <typeparam name="T">The message type.</typeparam>
    /// <param name="serializer">Encodes a message.</param>
    /// <param name="deserializer">Decodes a message.</param>
    public static Marshaller<T> Create<T>(Func<T, byte[]> serializer, Func<byte[], T> deserializer) => new(serializer, deserializer);

    /// <summary>Makes a marshaller that works on pooled buffers.</summary>
    /// <typeparam name="T">The message type.</typeparam>
    /// <param name="serializer">Encodes a message into the context.</param>
    /// <param name="deserializer">Decodes a message from the context.</param>
    public static Marshaller<T> Create<T>(Action<T, SerializationContext> serializer, Func<DeserializationContext, T> deserializer) =>
        new(serializer, deserializer);
}
