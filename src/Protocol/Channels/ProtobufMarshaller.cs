using Google.Protobuf;
using Grpc.Core;

namespace Culvert.Protocol;

/// <summary>Marshallers for methods that are bound by hand; generated stubs have their own. Thread-safe.</summary>
public static class ProtobufMarshaller
{
    /// <summary>A marshaller for messages as a whole. Reading a payload that is no such message ends the call with INTERNAL.</summary>
    /// <typeparam name="T">The type of the messages.</typeparam>
    /// <param name="parser">Its parser.</param>
    public static Marshaller<T> For<T>(MessageParser<T> parser)
        where T : class, IMessage<T>
    {
        ArgumentNullException.ThrowIfNull(parser);
        return Marshallers.Create<T>(
            (message, context) => context.Complete(message.ToByteArray()),
            context =>
            {
                try
                {
                    return parser.ParseFrom(context.PayloadAsReadOnlySequence());
                }
                catch (InvalidProtocolBufferException e)
                {
                    throw new RpcException(new Status(StatusCode.Internal, $"The request is no {typeof(T).Name}: {e.Message}", e));
                }
            });
    }
}
