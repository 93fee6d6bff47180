using System.Threading.Channels;
using Culvert.Controller.Nodes;
using Culvert.Controller.Snapshots;
using Culvert.Protocol.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Api;

/// <summary>
/// One agent's stream. One response is under way at a time: changes that come meanwhile go out together with the next one, and each delta is on top
/// of what the agent has acknowledged, so that a refused one is simply not part of the history. A refused one is sent again after a growing pause: what it was refused for may have been the
/// node's disk or memory, and nothing that changes in the world would tell.
/// </summary>
internal sealed class SnapshotSession(
    string node, Hello hello, SnapshotPublisher publisher, NodeRegistry registry, LongResponses longResponses, string epoch, TimeProvider time, ILogger logger)
{
    // It is logged, told in statuses and to other controllers.
    private const int LongestReason = 1024;

    private static readonly TimeSpan FirstRetry = TimeSpan.FromSeconds(1);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromMinutes(1);

    private NodeResources? _acked;

    // The newest that is the same to this node: what others were told meanwhile is not looked at again with each change, nor once it is too long ago to be known.
    private NodeResources? _same;
    private int _refusals;

    public async Task RunAsync(IAsyncStreamReader<SnapshotRequest> requests, IServerStreamWriter<OutgoingSnapshot> responses, CancellationToken cancellationToken)
    {
        if (hello.LastEpoch == epoch && registry.Recall(node, hello.LastVersion) is { } known) _acked = _same = known;
        registry.Update(node, s => new(node)
        {
            Connected = true,
            Instance = hello.Instance,
            AgentVersion = hello.AgentVersion,
            Since = time.GetUtcNow(),
            AckedVersion = _acked?.Version ?? 0,
        });
        SnapshotLog.Connected(logger, node, hello.AgentVersion);
        Channel<bool> changes = publisher.Subscribe();
        try
        {
            await StreamAsync(requests, responses, changes.Reader, cancellationToken);
        }
        finally
        {
            publisher.Unsubscribe(changes);
            SnapshotLog.Disconnected(logger, node);
            registry.Update(node, s => s.Instance == hello.Instance ? s with { Connected = false, Since = time.GetUtcNow() } : s);
        }
    }

    private async Task StreamAsync(
        IAsyncStreamReader<SnapshotRequest> requests, IServerStreamWriter<OutgoingSnapshot> responses, ChannelReader<bool> changes, CancellationToken cancellationToken)
    {
        Task<bool> answer = requests.MoveNext(cancellationToken);
        while (!publisher.Current.IsPublished)
        {
            if (!await ChangeAsync(changes, answer, Timeout.InfiniteTimeSpan, cancellationToken)) return;
        }
        // The first response goes out even when it is empty, and so does one after a refusal: it tells the agent that it is up to date (what it refused was undone).
        bool first = true;
        while (true)
        {
            (ResourceCatalog catalog, NodeResources? sent) = await SendAsync(responses, first || _refusals > 0, cancellationToken);
            if (sent is not null)
            {
                first = false;
                if (!await answer) return;
                TakeAnswer(requests.Current, sent);
                answer = requests.MoveNext(cancellationToken);
            }
            if (!ReferenceEquals(publisher.Current, catalog)) continue;
            if (!await ChangeAsync(changes, answer, _refusals == 0 ? Timeout.InfiniteTimeSpan : RetryAfter(_refusals), cancellationToken)) return;
        }
    }

    /// <summary>Sends what leads to the latest catalog. Returns that, and what the agent has when it has applied it; null when there was nothing to say.</summary>
    private async Task<(ResourceCatalog Catalog, NodeResources? Sent)> SendAsync(IServerStreamWriter<OutgoingSnapshot> responses, bool evenEmpty, CancellationToken cancellationToken)
    {
        ResourceCatalog catalog = publisher.Current;
        NodeResources resources = catalog.ForNode(node);
        OutgoingSnapshot? response = _acked is null ? null : Respond(resources);
        using IDisposable? place = response is null || response.Resources >= LongResponses.FewestResources ? await longResponses.EnterAsync(cancellationToken) : null;
        if (place is not null)
        {
            catalog = publisher.Current;
            resources = catalog.ForNode(node);
            response = Respond(resources);
        }
        if (!evenEmpty && response is { Resources: 0, Response.Full: false })
        {
            _same = resources;
            registry.CatchUp(node, resources.Version);
            return (catalog, null);
        }
        registry.Remember(node, resources);
        registry.Update(node, s => s with { SentVersion = resources.Version });
        await responses.WriteAsync(response!, cancellationToken);
        return (catalog, resources);
    }

    private OutgoingSnapshot Respond(NodeResources resources)
    {
        if (_acked is null) return SnapshotDelta.Full(resources, epoch);
        OutgoingSnapshot delta = SnapshotDelta.Between(_same!, resources, epoch);
        delta.Response.BaseVersion = _acked.Version;
        return delta;
    }

    /// <summary>Doubles from one second to a minute; half of it is random, as many agents may have refused at once.</summary>
    private static TimeSpan RetryAfter(int refusals)
    {
        double longest = Math.Min(LongestRetry.TotalSeconds, FirstRetry.TotalSeconds * Math.Pow(2, Math.Min(refusals - 1, 16)));
        return TimeSpan.FromSeconds(longest * (0.5 + (0.5 * Random.Shared.NextDouble())));
    }

    /// <summary>Waits for the next catalog, at most <paramref name="longest"/>; false: the agent has ended the stream.</summary>
    private async Task<bool> ChangeAsync(ChannelReader<bool> changes, Task<bool> answer, TimeSpan longest, CancellationToken cancellationToken)
    {
        using var waiting = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        Task change = changes.WaitToReadAsync(waiting.Token).AsTask();
        Task first = longest == Timeout.InfiniteTimeSpan ? await Task.WhenAny(change, answer) : await Task.WhenAny(change, answer, Task.Delay(longest, time, waiting.Token));
        if (first != change)
        {
            await waiting.CancelAsync();
            await change.ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
        cancellationToken.ThrowIfCancellationRequested();
        if (first == answer)
        {
            if (await answer) throw new RpcException(new Status(StatusCode.InvalidArgument, "an answer came and nothing was sent"));
            return false;
        }
        changes.TryRead(out _);
        return true;
    }

    private void TakeAnswer(SnapshotRequest request, NodeResources resources)
    {
        ulong version = resources.Version;
        switch (request.KindCase)
        {
            case SnapshotRequest.KindOneofCase.Ack when request.Ack.Version == version:
                _acked = _same = resources;
                _refusals = 0;
                registry.Update(node, s => s with { AckedVersion = version, NackedVersion = 0, NackReason = "", NackResource = "" });
                registry.CatchUp(node, version);
                break;
            case SnapshotRequest.KindOneofCase.Nack when request.Nack.Version == version:
                Nack nack = request.Nack;
                _refusals++;
                string reason = NodeText.Line(nack.Reason, LongestReason);
                SnapshotLog.Refused(logger, node, version, reason);
                string resource = nack.Resource is null ? "" : $"{nack.Resource.Kind} {nack.Resource.Name}".TrimEnd();
                registry.Update(node, s => s with { NackedVersion = version, NackReason = reason, NackResource = resource });
                break;
            default:
                throw new RpcException(new Status(StatusCode.InvalidArgument, $"version {version} must be answered by an ack or a nack of that version"));
        }
    }
}
