using Google.Protobuf;

namespace Culvert.GrpcHosting.Tests;

/// <summary>Marshallers for methods that a test describes itself; those of a service come with its generated stubs.</summary>
internal static class ProtobufMarshaller
{
    internal static Marshaller<T> For<T>(MessageParser<T> parser)
        where T : class, IMessage<T> => Marshallers.Create<T>(
            static (message, context) =>
            {
                context.SetPayloadLength(message.CalculateSize());
                message.WriteTo(context.GetBufferWriter());
                context.Complete();
            },
            context => parser.ParseFrom(context.PayloadAsReadOnlySequence()));
}
