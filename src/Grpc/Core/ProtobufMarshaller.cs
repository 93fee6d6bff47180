using Google.Protobuf;

namespace Culvert.Grpc;

/// <summary>Makes marshallers for Protocol Buffers messages; they write into and read from pooled buffers.</summary>
public static class ProtobufMarshaller
{
    /// <summary>A marshaller for one message type.</summary>
    /// <typeparam name="T">The generated message type.</typeparam>
    /// <param name="parser">The parser of the generated type, <c>T.Parser</c>.</param>
    public static Marshaller<T> For<T>(MessageParser<T> parser)
        where T : class, IMessage<T>
    {
        ArgumentNullException.ThrowIfNull(parser);
        return new Marshaller<T>(
            static (message, context) =>
            {
                context.SetPayloadLength(message.CalculateSize());
                message.WriteTo(context.GetBufferWriter());
                context.Complete();
            },
            context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));
    }

    /// <summary>A marshaller for one message type.</summary>
    /// <typeparam name="T">The generated message type.</typeparam>
    public static Marshaller<T> For<T>()
        where T : class, IMessage<T>, new() => For(new MessageParser<T>(static () => new T()));
}
