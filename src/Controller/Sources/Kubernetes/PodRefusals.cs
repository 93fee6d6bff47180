using System.Collections.Immutable;
using Culvert.Controller.Nodes;
using Culvert.Controller.Objects;
using Culvert.Controller.Store;
using Culvert.Core;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.WorkQueue;
using k8s.Models;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// Writes what nodes tell of pods that they can't capture into the status of these, from where every controller has it by its watch: a pod is out of the mesh when its status says so, whoever was told. What is
/// told of other workloads goes elsewhere. From the start to the stop. Safe for any number of threads.
/// </summary>
/// <remarks>
/// What a node has told counts while its stream is here, and is compared with its pods whenever one of them changes; then the next controller is told. Of a node without a stream it is written once.
/// </remarks>
internal sealed class PodRefusals : IRefusalSink, IHostedService, IDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(10), ReportInterval = TimeSpan.FromSeconds(1);

    private readonly IKubernetesClient _client;
    private readonly ObjectStore _objects;
    private readonly NodeRegistry _registry;
    private readonly IRefusalSink _others;
    private readonly CaptureEvents _events;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WorkQueue<string> _queue;
    private readonly CancellationTokenSource _stop = new();
    private readonly Lock _lock = new();
    private readonly Dictionary<string, Report> _reports = new(StringComparer.Ordinal);

    /// <summary>By node, the pods whose status says that they are not captured.</summary>
    private readonly Dictionary<string, ImmutableHashSet<ObjectKey>> _marked = new(StringComparer.Ordinal);

    /// <summary>Why nodes' pods can't be written, which is said once. Of the one worker.</summary>
    private readonly Dictionary<string, ApiFailure> _failures = new(StringComparer.Ordinal);

    /// <summary>By node, the pods of which an event has told that they do not get through, with their uids. Of the one worker.</summary>
    private readonly Dictionary<string, Dictionary<string, string>> _toldBlocked = new(StringComparer.Ordinal);

    private Task _work = Task.CompletedTask;

    /// <param name="client">Writes, as fast as it may.</param>
    /// <param name="objects">The pods.</param>
    /// <param name="registry">Which nodes have their stream here.</param>
    /// <param name="others">Takes what is told of workloads that are no pods.</param>
    /// <param name="events">For people.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said what nodes tell, and what can't be written.</param>
    public PodRefusals(IKubernetesClient client, ObjectStore objects, NodeRegistry registry, IRefusalSink others, CaptureEvents events, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_client, _objects, _registry, _others, _events, _time, _logger) = (client, objects, registry, others, events, time, logger);
        _queue = new("refusals", new(), metrics, time);
    }

    /// <inheritdoc/>
    public TimeSpan Take(string node, IReadOnlyDictionary<string, string> refused, IReadOnlyDictionary<string, string> blocked)
    {
        TimeSpan wait = _others.Take(node, refused.Where(r => Find(r.Key) is { IsPod: false }).ToDictionary(StringComparer.Ordinal), blocked);
        if (wait > TimeSpan.Zero) return wait;
        lock (_lock)
        {
            if (_reports.TryGetValue(node, out Report? before) && !before.SaysTheSame(refused, blocked) && ReportInterval - _time.GetElapsedTime(before.Told) is { Ticks: > 0 } left) return left;
            _reports[node] = new(refused, blocked, _time.GetTimestamp());
        }
        _queue.Add(node);
        return TimeSpan.Zero;
    }

    /// <summary>Begins to write.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _objects.Changed += OnChanged;
        _registry.Changed += OnNode;
        _work = new QueueWorkers<string>("refusals", _queue, WriteAsync, _logger).RunAsync(1, _stop.Token);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _objects.Changed -= OnChanged;
        _registry.Changed -= OnNode;
        await _stop.CancelAsync();
        await _work;
    }

    public void Dispose()
    {
        _queue.Dispose();
        _stop.Dispose();
    }

    private WorkloadObject? Find(string uid)
    {
        NamespacedName name = NamespacedName.Parse(uid);
        return _objects.Current.Objects.GetValueOrDefault(new(ObjectKind.Workload, name.Namespace, name.Name)) as WorkloadObject;
    }

    private bool IsMeant(WorkloadObject pod) => pod.IsEnrolled(_objects.Current.Objects.GetValueOrDefault(new(ObjectKind.Namespace, "", pod.Meta.Namespace)) as NamespaceObject);

    // What comes next is told to whoever has the next stream.
    private void OnNode(Nodes.NodeStatus status)
    {
        if (status.Connected) return;
        lock (_lock) _reports.Remove(status.Node);
    }

    private void OnChanged(ObjectSetChange change)
    {
        foreach (ObjectKey key in change.Keys.Where(k => k.Kind == ObjectKind.Workload))
        {
            var (before, after) = (change.Before.Objects.GetValueOrDefault(key) as WorkloadObject, change.After.Objects.GetValueOrDefault(key) as WorkloadObject);
            lock (_lock)
            {
                if (before is { IsPod: true, NotCaptured: not null }) Mark(before.Node, marked => marked.Remove(key));
                if (after is { IsPod: true, NotCaptured: not null }) Mark(after.Node, marked => marked.Add(key));
                if ((after ?? before) is not { IsPod: true } pod || !_reports.TryGetValue(pod.Node, out Report? report)) continue;
                if (before?.NotCaptured != after?.NotCaptured || before?.ObjectUid != after?.ObjectUid) report.Written.Remove(key);
                if (after is not null && (after.NotCaptured is not null || report.Refused.ContainsKey(after.Meta.FullName.ToString()) || report.Blocked.ContainsKey(after.Meta.FullName.ToString()))) _queue.Add(after.Node);
            }
        }
    }

    private void Mark(string node, Func<ImmutableHashSet<ObjectKey>, ImmutableHashSet<ObjectKey>> change)
    {
        ImmutableHashSet<ObjectKey> marked = change(_marked.GetValueOrDefault(node) ?? []);
        if (marked.IsEmpty) _marked.Remove(node);
        else _marked[node] = marked;
    }

    private async Task<TimeSpan?> WriteAsync(string node, CancellationToken cancellationToken)
    {
        Report? report;
        string[] marked;
        lock (_lock) (report, marked) = (_reports.GetValueOrDefault(node), [.. (_marked.GetValueOrDefault(node) ?? []).Select(k => $"{k.Namespace}/{k.Name}")]);
        if (report is null) return null;
        ApiException? failure = null;
        bool isBusy = false;
        SortedDictionary<string, string> refused = new(StringComparer.Ordinal);
        List<CaptureNews> news = [];
        foreach (string uid in report.Refused.Keys.Union(marked, StringComparer.Ordinal))
        {
            // Of other nodes' pods a node has nothing to say.
            if (Find(uid) is not { IsPod: true, PodUid: not null, ObjectUid: { } objectUid } pod || pod.Node != node) continue;

            // Nor of one that is not meant to be in the mesh.
            string? reason = IsMeant(pod) ? report.Refused.GetValueOrDefault(uid) : null;
            if (reason is not null) refused[uid] = reason;
            try
            {
                if (await WriteAsync(report, pod, objectUid, reason, cancellationToken)) news.Add(new(new(pod.Meta.Namespace, pod.Meta.Name), objectUid, reason));
            }
            catch (ApiException e) when (e.Failure == ApiFailure.Conflict)
            {
                isBusy = true;
            }
            catch (ApiException e)
            {
                failure = e;

                // What is said of this one need not be said of others.
                if (e.Failure is not (ApiFailure.Invalid or ApiFailure.BadRequest)) break;
            }
        }
        if (BlockedNews(node, report) is { Count: > 0 } blocked) await _events.WriteAsync(blocked, null, [], cancellationToken);
        if (news.Count > 0)
        {
            NodesLog.Tell(_logger, node, marked, refused);
            bool isOfNode = (refused.Count == 0) != (marked.Length == 0);
            await _events.WriteAsync(news, isOfNode ? node : null, refused, cancellationToken);
        }
        if (failure is null)
        {
            _failures.Remove(node);
            if (isBusy) return ReportInterval;
            ForgetUnlessHere(node, report);
            return null;
        }
        if (!_failures.TryGetValue(node, out ApiFailure said) || said != failure.Failure) KubernetesLog.RefusalNotWritten(_logger, node, RetryDelay.TotalSeconds, RoleRemedy.Of(failure), failure.Message);
        _failures[node] = failure.Failure;
        return failure.RetryAfter > RetryDelay ? failure.RetryAfter : RetryDelay;
    }

    /// <summary>What is new of pods that stay guarded and do not get through; of one that has gone, or is another's, nothing.</summary>
    private List<CaptureNews> BlockedNews(string node, Report report)
    {
        List<CaptureNews> news = [];
        Dictionary<string, string> told = _toldBlocked.GetValueOrDefault(node) ?? [], now = new(StringComparer.Ordinal);
        foreach (string uid in report.Blocked.Keys.Union(told.Keys, StringComparer.Ordinal))
        {
            if (Find(uid) is not { IsPod: true, PodUid: not null, ObjectUid: { } objectUid } pod || pod.Node != node || !IsMeant(pod)) continue;
            string? reason = report.Blocked.GetValueOrDefault(uid);
            if (reason is not null) now[uid] = objectUid;
            if ((reason is not null) != (told.GetValueOrDefault(uid) == objectUid)) news.Add(new(new(pod.Meta.Namespace, pod.Meta.Name), objectUid, reason) { IsBlocked = true });
        }
        if (now.Count > 0) _toldBlocked[node] = now;
        else _toldBlocked.Remove(node);
        return news;
    }

    /// <returns>Whether it is news that it is captured, or that it is not.</returns>
    private async Task<bool> WriteAsync(Report report, WorkloadObject pod, string uid, string? reason, CancellationToken cancellationToken)
    {
        string? before;
        lock (_lock) before = report.Written.TryGetValue(pod.Key, out string? written) ? written : pod.NotCaptured;
        if (before == reason) return false;
        ResourceName name = new(pod.Meta.Namespace, pod.Meta.Name);
        DateTimeOffset since = (before is null ? null : pod.NotCapturedSince) ?? _time.GetUtcNow();

        // Before the watch may tell of it.
        lock (_lock) report.Written[pod.Key] = reason;
        try
        {
            IResourceClient<V1Pod> pods = _client.Resource(KnownResources.Pods);
            if (reason is null) await pods.PatchAsync(name, Patch.Strategic(CaptureCondition.Removal(uid)), new() { FieldManager = KubernetesStatus.FieldManager, Subresource = "status" }, cancellationToken);
            else await pods.ApplyAsync(name, CaptureCondition.Document(name, uid, reason, since), new(KubernetesStatus.FieldManager) { Subresource = "status", Force = true }, cancellationToken);
        }
        catch (ApiException e) when (e.Failure == ApiFailure.NotFound || (e.Failure == ApiFailure.Invalid && reason is null))
        {
            // It has gone, or is another one by now.
            return false;
        }
        catch
        {
            lock (_lock) report.Written.Remove(pod.Key);
            throw;
        }
        return before is null || reason is null;
    }

    private void ForgetUnlessHere(string node, Report report)
    {
        if (_registry.Find(node) is { Connected: true }) return;
        lock (_lock)
        {
            if (_reports.GetValueOrDefault(node) == report) _reports.Remove(node);
        }
    }

    /// <summary>What a node has told last.</summary>
    /// <param name="refused">By uid, why it can't be captured; all others can be.</param>
    /// <param name="blocked">By uid of one that stays guarded, why it does not get through.</param>
    /// <param name="told">When.</param>
    private sealed class Report(IReadOnlyDictionary<string, string> refused, IReadOnlyDictionary<string, string> blocked, long told)
    {
        public IReadOnlyDictionary<string, string> Refused { get; } = refused;

        public IReadOnlyDictionary<string, string> Blocked { get; } = blocked;

        public long Told { get; } = told;

        /// <summary>By pod, what was written for this and the watch has not told yet.</summary>
        public Dictionary<ObjectKey, string?> Written { get; } = [];

        public bool SaysTheSame(IReadOnlyDictionary<string, string> refused, IReadOnlyDictionary<string, string> blocked) => Refused.HasEntriesOf(refused) && Blocked.HasEntriesOf(blocked);
    }
}
