using Culvert.Grpc;
using Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>The methods of culvert.v1.SnapshotService. Distributes snapshots from the controller to the agents.</summary>
public static class SnapshotService
{
    /// <summary>The full name on the wire.</summary>
    public const string ServiceName = "culvert.v1.SnapshotService";

    /// <summary>State of the world, then deltas; each answered with ACK or NACK.</summary>
    public static readonly Method<SnapshotRequest, SnapshotResponse> Stream = new(
        MethodType.DuplexStreaming, ServiceName, nameof(Stream), ProtobufMarshaller.For(SnapshotRequest.Parser), ProtobufMarshaller.For(SnapshotResponse.Parser));

    /// <summary>Makes an implementation ready to be mapped on a server.</summary>
    public static ServerServiceDefinition BindService(SnapshotServiceBase service) => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Stream, service.Stream)
        .Build();
}
