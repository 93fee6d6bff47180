using Culvert.Controller.Nodes;
using Culvert.Controller.Snapshots;
using Culvert.Protocol.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Api;

/// <summary>Opens a session for each stream.</summary>
internal sealed class SnapshotServiceHandler(
    SnapshotPublisher publisher, NodeRegistry registry, NodeAuthenticator authenticator, string epoch, TimeProvider time, ILogger<SnapshotServiceHandler> logger) : SnapshotService.SnapshotServiceBase
{
    private static readonly TimeSpan HelloTimeout = TimeSpan.FromSeconds(10);

    public override async Task Stream(IAsyncStreamReader<SnapshotRequest> requestStream, IServerStreamWriter<SnapshotResponse> responseStream, ServerCallContext context)
    {
        NodeCaller caller = authenticator.Authenticate(context);
        string node = caller.Node;
        Hello hello = await ReadHelloAsync(requestStream, context.CancellationToken);
        if (hello.Node != node) throw new RpcException(new Status(StatusCode.PermissionDenied, $"node '{node}' may not ask for the snapshot of '{hello.Node}'"));
        using NodeLease lease = authenticator.Watch(caller);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(lease.Ended, context.CancellationToken);
        var session = new SnapshotSession(node, hello, publisher, registry, epoch, time, logger);
        try
        {
            await session.RunAsync(requestStream, responseStream, both.Token);
        }
        catch (Exception e) when (lease.Ended.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            ApiLog.StreamEnded(logger, node, lease.Reason);
            throw NodeAuthenticator.Refused(lease.Reason);
        }
    }

    private async Task<Hello> ReadHelloAsync(IAsyncStreamReader<SnapshotRequest> requests, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(HelloTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            if (await requests.MoveNext(both.Token) && requests.Current.KindCase == SnapshotRequest.KindOneofCase.Hello) return requests.Current.Hello;
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, $"no hello within {HelloTimeout.TotalSeconds} s"));
        }
        throw new RpcException(new Status(StatusCode.InvalidArgument, "the first message must be a hello"));
    }
}
