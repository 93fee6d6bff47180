using Culvert.Grpc;
using Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Client side of culvert.v1.AdminService. Safe for any number of threads. Failures are <see cref="RpcException"/>.</summary>
/// <param name="invoker">Where calls go.</param>
public sealed class AdminServiceClient(CallInvoker invoker)
{
    /// <summary>State of the agent.</summary>
    public AsyncUnaryCall<StatusResponse> StatusAsync(StatusRequest request, CallOptions options = default) =>
        invoker.AsyncUnaryCall(AdminService.Status, null, options, request);

    /// <summary>Past and live flows.</summary>
    public AsyncServerStreamingCall<Flow> Flows(FlowsRequest request, CallOptions options = default) =>
        invoker.AsyncServerStreamingCall(AdminService.Flows, null, options, request);

    /// <summary>What would become of a connection, and why.</summary>
    public AsyncUnaryCall<ExplainResponse> ExplainAsync(ExplainRequest request, CallOptions options = default) =>
        invoker.AsyncUnaryCall(AdminService.Explain, null, options, request);

    /// <summary>The snapshot in force.</summary>
    public AsyncUnaryCall<DumpSnapshotResponse> DumpSnapshotAsync(DumpSnapshotRequest request, CallOptions options = default) =>
        invoker.AsyncUnaryCall(AdminService.DumpSnapshot, null, options, request);

    /// <summary>Takes everything out of the kernel and stops the agent.</summary>
    public AsyncUnaryCall<DetachResponse> DetachAsync(DetachRequest request, CallOptions options = default) =>
        invoker.AsyncUnaryCall(AdminService.Detach, null, options, request);
}
