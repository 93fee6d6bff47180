using Culvert.Grpc;
using Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Server side of culvert.v1.SnapshotService; each call may run beside others.</summary>
public abstract class SnapshotServiceBase
{
    /// <summary>State of the world, then deltas; each answered with ACK or NACK.</summary>
    public abstract Task Stream(IAsyncStreamReader<SnapshotRequest> requestStream, IServerStreamWriter<SnapshotResponse> responseStream, ServerCallContext context);
}
