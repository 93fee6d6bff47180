using Culvert.GrpcHosting;
using Grpc.Core;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>An answer as it is sent: what is the same for all is there once, however many are sent at a time. Immutable.</summary>
/// <param name="Pieces">Its bytes: Protocol Buffers merge messages that follow each other.</param>
internal sealed record EncodedMessage(params IReadOnlyList<ReadOnlyMemory<byte>> Pieces)
{
    /// <summary>How it is written. It is read as what it is on the wire.</summary>
    internal static Marshaller<EncodedMessage> Marshaller { get; } = Marshallers.Create<EncodedMessage>(
        (message, context) => context.Complete(message.Pieces), _ => throw new NotSupportedException("agents read no answers"));
}
