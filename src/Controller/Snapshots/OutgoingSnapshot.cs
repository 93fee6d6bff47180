using Culvert.GrpcHosting;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.Controller.Snapshots;

/// <summary>A <see cref="SnapshotResponse"/> as it is sent: what is the same for all nodes comes encoded. Immutable, as long as its messages are.</summary>
/// <param name="Response">All of it but for <paramref name="Encoded"/>.</param>
/// <param name="Encoded">More of its upserts, as they are on the wire.</param>
/// <param name="Resources">How many resources it brings or takes away.</param>
internal sealed record OutgoingSnapshot(SnapshotResponse Response, IReadOnlyList<ReadOnlyMemory<byte>> Encoded, int Resources)
{
    /// <summary>How it is written. It is read as what it is on the wire, a <see cref="SnapshotResponse"/>.</summary>
    public static Marshaller<OutgoingSnapshot> Marshaller { get; } = Marshallers.Create<OutgoingSnapshot>(
        (message, context) => context.Complete(message.Pieces), _ => throw new NotSupportedException("controllers read no responses"));

    /// <summary>Its bytes: Protocol Buffers merge messages that follow each other, and append what repeats.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Pieces => [Response.ToByteArray(), .. Encoded];
}
