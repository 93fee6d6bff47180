using Culvert.Grpc;
using Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>The methods of culvert.v1.AdminService. Lets the command line look into an agent.</summary>
public static class AdminService
{
    /// <summary>The full name on the wire.</summary>
    public const string ServiceName = "culvert.v1.AdminService";

    /// <summary>State of the agent.</summary>
    public static readonly Method<StatusRequest, StatusResponse> Status = new(
        MethodType.Unary, ServiceName, nameof(Status), ProtobufMarshaller.For(StatusRequest.Parser), ProtobufMarshaller.For(StatusResponse.Parser));

    /// <summary>Past and live flows.</summary>
    public static readonly Method<FlowsRequest, Flow> Flows = new(
        MethodType.ServerStreaming, ServiceName, nameof(Flows), ProtobufMarshaller.For(FlowsRequest.Parser), ProtobufMarshaller.For(Flow.Parser));

    /// <summary>What would become of a connection, and why.</summary>
    public static readonly Method<ExplainRequest, ExplainResponse> Explain = new(
        MethodType.Unary, ServiceName, nameof(Explain), ProtobufMarshaller.For(ExplainRequest.Parser), ProtobufMarshaller.For(ExplainResponse.Parser));

    /// <summary>The snapshot in force.</summary>
    public static readonly Method<DumpSnapshotRequest, DumpSnapshotResponse> DumpSnapshot = new(
        MethodType.Unary, ServiceName, nameof(DumpSnapshot), ProtobufMarshaller.For(DumpSnapshotRequest.Parser), ProtobufMarshaller.For(DumpSnapshotResponse.Parser));

    /// <summary>Takes everything out of the kernel and stops the agent.</summary>
    public static readonly Method<DetachRequest, DetachResponse> Detach = new(
        MethodType.Unary, ServiceName, nameof(Detach), ProtobufMarshaller.For(DetachRequest.Parser), ProtobufMarshaller.For(DetachResponse.Parser));

    /// <summary>Makes an implementation ready to be mapped on a server.</summary>
    public static ServerServiceDefinition BindService(AdminServiceBase service) => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Status, service.Status)
        .AddMethod(Flows, service.Flows)
        .AddMethod(Explain, service.Explain)
        .AddMethod(DumpSnapshot, service.DumpSnapshot)
        .AddMethod(Detach, service.Detach)
        .Build();
}
