using System.Collections.Immutable;
using System.Threading.Channels;
using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Identity;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Snapshots;

/// <summary>
/// Tells the controller which workloads this node can't capture, so that no node takes them for members of the mesh, and which stay guarded and do not get through, for people: whenever that changes, and whenever the controller is found again, which may be another
/// one. What fails is told again after a growing pause.
/// </summary>
internal sealed class RefusalReporter(string node, ControllerLink channel, SnapshotClient client, DatapathState state, TimeProvider time, ILogger logger)
{
    // Of all pods of a full node the reasons fit into one message.
    private const int LongestReason = 500;

    private static readonly TimeSpan Deadline = TimeSpan.FromSeconds(10);

    /// <summary>Runs until cancelled.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        var changes = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        void Tell() => changes.Writer.TryWrite(true);
        void TellStatus(ControllerStatus _) => Tell();
        state.Changed += Tell;
        client.StatusChanged += TellStatus;
        try
        {
            Tell();
            await FollowAsync(changes.Reader, Tell, stop);
        }
        catch (Exception e) when (stop.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
        {
            // Stopping, in the middle of a call or between two.
        }
        finally
        {
            client.StatusChanged -= TellStatus;
            state.Changed -= Tell;
        }
    }

    private async Task FollowAsync(ChannelReader<bool> changes, Action again, CancellationToken stop)
    {
        (int Connection, ImmutableHashSet<string> Refused, ImmutableDictionary<string, string> Blocked)? told = null;
        int failures = 0;
        while (true)
        {
            await changes.ReadAsync(stop);

            // Before the first snapshot is in force nothing is known of any workload.
            (DatapathInForce current, int connection) = (state.Current, client.Connection);
            if (current.Generation == 0 || !client.Status.Connected || (told is { } last && last.Connection == connection && last.Refused.SetEquals(current.Refused) && last.Blocked.HasEntriesOf(current.Blocked))) continue;
            try
            {
                await ReportAsync(current, stop);
                (told, failures) = ((connection, current.Refused, current.Blocked), 0);
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unimplemented)
            {
                // A controller of before there were reports.
                if (!current.Refused.IsEmpty) SnapshotLog.RefusalsUnknown(logger, current.Refused.Count);
                told = (connection, current.Refused, current.Blocked);
            }
            catch (Exception e) when (e is not OutOfMemoryException && !stop.IsCancellationRequested)
            {
                TimeSpan wait = RotationSchedule.RetryAfter(failures++, Random.Shared.NextDouble(), RetryPushback.Of(e));
                SnapshotLog.RefusalsNotTold(logger, current.Refused.Count, CallFailure.Describe(e), (long)wait.TotalMilliseconds);
                await Task.Delay(wait, time, stop);
                again();
            }
        }
    }

    private async Task ReportAsync(DatapathInForce current, CancellationToken stop)
    {
        SnapshotService.SnapshotServiceClient snapshots = new(await channel.ConnectAsync(stop));
        NodeReport report = new()
        {
            Node = node,
            Refused = { current.Refused.Order(StringComparer.Ordinal).Select(uid => Of(uid, current.NotCaptured[uid])) },
            Blocked = { current.Blocked.OrderBy(b => b.Key, StringComparer.Ordinal).Select(b => Of(b.Key, b.Value)) },
        };
        using AsyncUnaryCall<NodeReportAck> call = snapshots.ReportAsync(report, new CallOptions(channel.Headers, time.GetUtcNow().UtcDateTime + Deadline, stop));
        await call.ResponseAsync;
    }

    private static RefusedWorkload Of(string uid, string reason) => new() { Uid = uid, Reason = reason.Length <= LongestReason ? reason : $"{reason.AsSpan(0, LongestReason - 1)}…" };
}
