using Culvert.Controller.Nodes;
using Culvert.Controller.Schema;
using Culvert.Controller.Snapshots;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Grpc.Core;
using Microsoft.AspNetCore.Connections.Features;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Api;

/// <summary>Opens a session for each stream, one of each node at a time, the newest; and takes nodes' reports.</summary>
/// <param name="publisher">What is to be sent.</param>
/// <param name="registry">Who has what.</param>
/// <param name="streams">Which stream of a node counts.</param>
/// <param name="refused">Takes what nodes report.</param>
/// <param name="authenticator">Who calls.</param>
/// <param name="longResponses">How many of them are sent at a time.</param>
/// <param name="epoch">Of this process's versions.</param>
/// <param name="longestStream">After that, or a little earlier, a stream is ended for the agent to come again, to whichever controller: else all would stay with the one that was there while others were not. Infinite: never.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">Where it is said who comes and goes.</param>
internal sealed class SnapshotServiceHandler(
    SnapshotPublisher publisher, NodeRegistry registry, NodeStreams streams, IRefusalSink refused, NodeAuthenticator authenticator, LongResponses longResponses, string epoch, TimeSpan longestStream, TimeProvider time, ILogger<SnapshotServiceHandler> logger)
{
    private static readonly TimeSpan HelloTimeout = TimeSpan.FromSeconds(10);

    // What a hello says is told in the log and in the status; agents send 32 characters as instance, and their version.
    private const int LongestText = 128;

    private const int LongestReason = 1024;

    // So that streams that were opened together do not end together.
    private const double LifeVariation = 0.2;

    // Two agents of one name take turns no faster than that. An agent whose own older stream has come in after the newer one is not to wait: that one goes by itself.
    private static readonly TimeSpan RivalPushback = TimeSpan.FromSeconds(10);

    /// <summary>The service with its methods. Bound here and not by the generated base class, as responses are sent in another form than that has for them.</summary>
    public ServerServiceDefinition Bind() => ServerServiceDefinition.CreateBuilder()
        .AddMethod(Method(MethodType.DuplexStreaming, nameof(Stream), ProtobufMarshaller.For(SnapshotRequest.Parser), OutgoingSnapshot.Marshaller), Stream)
        .AddMethod(Method(MethodType.Unary, nameof(Report), ProtobufMarshaller.For(NodeReport.Parser), ProtobufMarshaller.For(NodeReportAck.Parser)), Report)
        .Build();

    private static Method<TRequest, TResponse> Method<TRequest, TResponse>(MethodType type, string name, Marshaller<TRequest> request, Marshaller<TResponse> response)
        where TRequest : class
        where TResponse : class => new(type, SnapshotService.Descriptor.FullName, name, request, response);

    private async Task Stream(IAsyncStreamReader<SnapshotRequest> requestStream, IServerStreamWriter<OutgoingSnapshot> responseStream, ServerCallContext context)
    {
        NodeCaller caller = authenticator.Authenticate(context);
        string node = caller.Node;
        Hello hello = await ReadHelloAsync(requestStream, context.CancellationToken);
        if (hello.Node != node) throw new RpcException(new Status(StatusCode.PermissionDenied, $"node '{node}' may not ask for the snapshot of '{hello.Node}'"));
        using NodeLease lease = authenticator.Watch(caller);
        using NodeStream stream = streams.Enter(node, hello.Instance);
        if (stream.Rival.Length > 0) ApiLog.Replaced(logger, node, hello.Instance, stream.Rival);
        using CancellationTokenSource aged = new(longestStream == Timeout.InfiniteTimeSpan ? longestStream : longestStream * (1 - (LifeVariation * Random.Shared.NextDouble())), time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(lease.Ended, stream.Replaced, aged.Token, context.CancellationToken);
        var session = new SnapshotSession(node, hello, publisher, registry, longResponses, epoch, time, logger);
        try
        {
            await stream.OlderGone.WaitAsync(both.Token);
            await session.RunAsync(requestStream, responseStream, both.Token);
        }
        catch (Exception e) when (lease.Ended.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            ApiLog.StreamEnded(logger, node, lease.Reason);
            throw NodeAuthenticator.Refused(lease.Reason);
        }
        catch (Exception e) when (aged.IsCancellationRequested && !stream.Replaced.IsCancellationRequested && !context.CancellationToken.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            // Ends well: the agent comes again, by another connection, which may lead elsewhere.
            context.GetHttpContext().Features.Get<IConnectionLifetimeNotificationFeature>()?.RequestClose();
        }
        catch (Exception e) when (stream.Replaced.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            throw new RpcException(new Status(StatusCode.Aborted, "replaced by a newer stream of this node"), RetryPushback.Trailers(stream.ReplacedByRival ? RivalPushback : TimeSpan.Zero));
        }
    }

    private Task<NodeReportAck> Report(NodeReport request, ServerCallContext context)
    {
        string node = authenticator.Authenticate(context).Node;
        if (request.Node != node) throw new RpcException(new Status(StatusCode.PermissionDenied, $"node '{node}' may not report of '{request.Node}'"));
        TimeSpan wait = refused.Take(node, ReasonsOf(node, request.Refused), ReasonsOf(node, request.Blocked));
        if (wait > TimeSpan.Zero) throw new RpcException(new Status(StatusCode.ResourceExhausted, "the node has told otherwise a moment ago"), RetryPushback.Trailers(wait));
        return Task.FromResult(new NodeReportAck());
    }

    // Without the workloads of other nodes, of which this one knows nothing. Unknown ones stay: they may be back in a moment.
    private SortedDictionary<string, string> ReasonsOf(string node, IEnumerable<RefusedWorkload> workloads)
    {
        SortedDictionary<string, string> reasons = new(StringComparer.Ordinal);
        foreach (RefusedWorkload workload in workloads)
        {
            if (!IsText(workload.Reason, LongestReason)) throw new RpcException(new Status(StatusCode.InvalidArgument, $"a reason is text of {LongestReason} characters at most"));
            if (!NamespacedName.TryParse(workload.Uid, out NamespacedName name) || Names.Subdomain(name.Namespace) is not null || Names.Subdomain(name.Name) is not null)
                throw new RpcException(new Status(StatusCode.InvalidArgument, $"'{workload.Uid}' is not the uid of a workload"));
            if (publisher.Current.FindWorkload(workload.Uid) is not { } known || known.Node == node) reasons[workload.Uid] = workload.Reason;
        }
        return reasons;
    }

    private async Task<Hello> ReadHelloAsync(IAsyncStreamReader<SnapshotRequest> requests, CancellationToken cancellationToken)
    {
        using var timeout = new CancellationTokenSource(HelloTimeout, time);
        using var both = CancellationTokenSource.CreateLinkedTokenSource(timeout.Token, cancellationToken);
        try
        {
            if (await requests.MoveNext(both.Token) && requests.Current is { KindCase: SnapshotRequest.KindOneofCase.Hello, Hello: var hello })
            {
                return IsText(hello.Instance, LongestText) && IsText(hello.AgentVersion, LongestText)
                    ? hello
                    : throw new RpcException(new Status(StatusCode.InvalidArgument, $"instance and version are text of {LongestText} characters at most"));
            }
        }
        catch (OperationCanceledException) when (timeout.IsCancellationRequested)
        {
            throw new RpcException(new Status(StatusCode.DeadlineExceeded, $"no hello within {HelloTimeout.TotalSeconds} s"));
        }
        throw new RpcException(new Status(StatusCode.InvalidArgument, "the first message must be a hello"));
    }

    private static bool IsText(string said, int longest) => said.Length <= longest && !said.Any(char.IsControl);
}
