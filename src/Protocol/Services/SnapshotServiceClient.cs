using Culvert.Grpc;
using Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Client side of culvert.v1.SnapshotService. Safe for any number of threads. Failures are <see cref="RpcException"/>.</summary>
/// <param name="invoker">Where calls go.</param>
public sealed class SnapshotServiceClient(CallInvoker invoker)
{
    /// <summary>State of the world, then deltas; each answered with ACK or NACK.</summary>
    public AsyncDuplexStreamingCall<SnapshotRequest, SnapshotResponse> Stream(CallOptions options = default) =>
        invoker.AsyncDuplexStreamingCall(SnapshotService.Stream, null, options);
}
