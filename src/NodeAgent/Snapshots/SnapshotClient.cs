using Culvert.Core;
using Culvert.GrpcHosting;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Telemetry;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Snapshots;

/// <summary>
/// Keeps a snapshot stream to the controller: state of the world, then deltas, each put into force and acknowledged, or refused with
/// the reason while the old one stays. Reconnects for ever with a growing, random pause.
/// </summary>
internal sealed class SnapshotClient(
    string node, ControllerLink channel, ISnapshotSink sink, SnapshotFile file, AgentMetrics metrics, TimeProvider time, ILogger logger)
{
    /// <summary>Why a stream is over that the controller has ended in order.</summary>
    private const string Ended = "the controller has ended the stream, to be asked again";

    // The longest that a failure goes unnoticed by the task that mends it.
    private static readonly TimeSpan SaveCheck = TimeSpan.FromSeconds(1);

    private readonly string _instance = Guid.NewGuid().ToString("n");
    private string _epoch = "";
    private readonly TaskCompletionSource _restored = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private readonly Lock _saving = new();
    private readonly Lock _updating = new();
    private int _saveFailures;
    private int _connection;
    private volatile ControllerStatus _status = new();

    /// <summary>Raised after each change of <see cref="Status"/>, on one of the client's tasks.</summary>
    internal event Action<ControllerStatus>? StatusChanged;

    /// <summary>How things stand.</summary>
    internal ControllerStatus Status => _status;

    /// <summary>How many streams the controller has answered on so far: another number means that it may be another controller.</summary>
    internal int Connection => Volatile.Read(ref _connection);

    /// <summary>The snapshot in force; version 0 before the first.</summary>
    internal NodeSnapshot Current { get; private set; } = new() { Node = node };

    /// <summary>Completes when the snapshot of the last run is in force, or can't be, or there is none, or the client was stopped before.</summary>
    internal Task Restored => _restored.Task;

    private async Task RestoreAsync(CancellationToken cancellationToken)
    {
        if (file.Load() is not { } saved) return;
        try
        {
            await sink.ApplyAsync(saved.Snapshot, cancellationToken);
            (Current, _epoch) = saved;
            Update(s => s with { LastApplied = time.GetUtcNow() });
            SnapshotLog.Restored(logger, saved.Snapshot.Version);
        }
        catch (Exception e) when (e is not OperationCanceledException)
        {
            SnapshotLog.Rejected(logger, saved.Snapshot.Version, 0, e.Message);
        }
    }

    /// <summary>Puts the snapshot of the last run into force, and then follows the controller until cancelled.</summary>
    internal async Task RunAsync(CancellationToken stop)
    {
        try
        {
            await RestoreAsync(stop);
        }
        finally
        {
            _restored.TrySetResult();
        }
        int failures = 0;
        while (!stop.IsCancellationRequested)
        {
            string reason;
            TimeSpan pushback = TimeSpan.Zero;
            try
            {
                reason = await channel.CallAsync(controller => StreamAsync(controller, () => failures = 0, stop), stop);
            }
            catch (Exception e) when (stop.IsCancellationRequested && e is OperationCanceledException or RpcException { StatusCode: StatusCode.Cancelled })
            {
                return;
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                pushback = RetryPushback.Of(e);
                reason = CallFailure.Describe(e);
            }
            TimeSpan wait = RotationSchedule.RetryAfter(failures++, Random.Shared.NextDouble(), pushback);
            Update(s => s with { Connected = false, Error = reason });
            if (reason == Ended) SnapshotLog.Ended(logger, channel.Address, (long)wait.TotalMilliseconds);
            else SnapshotLog.Disconnected(logger, channel.Address, reason, (long)wait.TotalMilliseconds);
            await Task.Delay(wait, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
        }
    }

    /// <returns>Why it is over.</returns>
    private async Task<string> StreamAsync(CallInvoker controller, Action connected, CancellationToken stop)
    {
        SnapshotService.SnapshotServiceClient snapshots = new(controller);
        using AsyncDuplexStreamingCall<SnapshotRequest, SnapshotResponse> call = snapshots.Stream(channel.Headers, cancellationToken: stop);
        await call.SendAsync(new SnapshotRequest
        {
            Hello = new Hello { Node = node, LastVersion = Current.Version, LastEpoch = _epoch, AgentVersion = AgentVersion.Text, Instance = _instance },
        }, stop);
        while (await call.ResponseStream.MoveNext(stop))
        {
            if (!_status.Connected)
            {
                connected();
                Interlocked.Increment(ref _connection);
                SnapshotLog.Connected(logger, channel.Address);
                Update(s => s with { Connected = true, Error = "" });
            }
            await call.SendAsync(await TakeAsync(call.ResponseStream.Current, stop), stop);
        }

        return Ended;
    }

    private async Task<SnapshotRequest> TakeAsync(SnapshotResponse response, CancellationToken stop)
    {
        try
        {
            NodeSnapshot next = SnapshotMapping.Apply(Current, node, response);
            await sink.ApplyAsync(next, stop);
            Current = next;
            _epoch = response.Epoch;
            Update(s => s with { SnapshotError = "", LastApplied = time.GetUtcNow() });
            SnapshotLog.Applied(logger, next.Version, next.Workloads.Count, next.LocalWorkloads().Count(), next.Services.Count, next.Policies.Count);
            SaveOrWarn();
            return new SnapshotRequest { Ack = new Ack { Version = response.Version } };
        }
        catch (Exception e) when (e is not OperationCanceledException and not OutOfMemoryException)
        {
            metrics.SnapshotsRejected.With().Increment();
            SnapshotLog.Rejected(logger, response.Version, Current.Version, e.Message);
            Update(s => s with { SnapshotError = e.Message });
            return new SnapshotRequest { Nack = new Nack { Version = response.Version, Reason = e.Message, Resource = (e as MappingException)?.Resource } };
        }
    }

    /// <summary>
    /// Writes the snapshot in force down again when that has failed, after a growing pause, until cancelled. Nothing waits for it.
    /// </summary>
    internal async Task KeepSavedAsync(CancellationToken stop)
    {
        while (!stop.IsCancellationRequested)
        {
            int failures = Volatile.Read(ref _saveFailures);
            TimeSpan wait = failures == 0 ? SaveCheck : RotationSchedule.RetryAfter(failures, Random.Shared.NextDouble());
            await Task.Delay(wait, time, stop).ConfigureAwait(ConfigureAwaitOptions.SuppressThrowing);
            if (!stop.IsCancellationRequested && Volatile.Read(ref _saveFailures) > 0) SaveOrWarn();
        }
    }

    // The snapshot is in force either way; until it is saved, the next start would begin with an older one.
    private void SaveOrWarn()
    {
        lock (_saving)
        {
            (NodeSnapshot snapshot, string epoch) = (Current, _epoch);
            try
            {
                file.Save(snapshot, epoch);
                if (_saveFailures > 0) SnapshotLog.Saved(logger, snapshot.Version);
                Volatile.Write(ref _saveFailures, 0);
                Update(s => s with { SaveError = "" });
            }
            catch (Exception e) when (e is IOException or UnauthorizedAccessException)
            {
                metrics.StateWritesFailed.With("snapshot").Increment();
                if (_saveFailures == 0) SnapshotLog.NotSaved(logger, snapshot.Version, e.Message);
                Volatile.Write(ref _saveFailures, _saveFailures + 1);
                Update(s => s with { SaveError = $"snapshot {snapshot.Version} is in force but not on disk: {e.Message}" });
            }
        }
    }

    private void Update(Func<ControllerStatus, ControllerStatus> change)
    {
        lock (_updating) _status = change(_status);
        StatusChanged?.Invoke(_status);
    }
}
