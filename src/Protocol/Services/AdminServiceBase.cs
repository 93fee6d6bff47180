using Culvert.Grpc;
using Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Server side of culvert.v1.AdminService; each call may run beside others.</summary>
public abstract class AdminServiceBase
{
    /// <summary>State of the agent.</summary>
    public abstract Task<StatusResponse> Status(StatusRequest request, ServerCallContext context);

    /// <summary>Past and live flows.</summary>
    public abstract Task Flows(FlowsRequest request, IServerStreamWriter<Flow> responseStream, ServerCallContext context);

    /// <summary>What would become of a connection, and why.</summary>
    public abstract Task<ExplainResponse> Explain(ExplainRequest request, ServerCallContext context);

    /// <summary>The snapshot in force.</summary>
    public abstract Task<DumpSnapshotResponse> DumpSnapshot(DumpSnapshotRequest request, ServerCallContext context);

    /// <summary>Takes everything out of the kernel and stops the agent.</summary>
    public abstract Task<DetachResponse> Detach(DetachRequest request, ServerCallContext context);
}
