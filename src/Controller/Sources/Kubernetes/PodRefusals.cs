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
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Sources.Kubernetes;

/// <summary>
/// Writes what nodes tell of pods that they can't capture into the status of these, from where every controller has it by its watch: a pod is out of the mesh when its status says so, whoever was told. What is
/// told of other workloads goes elsewhere. From the start to the stop. Safe for any number of threads.
/// </summary>
internal sealed class PodRefusals : IRefusalSink, IHostedService, IDisposable
{
    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(10);

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

    /// <summary>By node, what it has told and is not written yet. Nothing is kept of what is: the node may be told by another controller by now that it has changed its mind.</summary>
    private readonly Dictionary<string, Report> _told = new(StringComparer.Ordinal);

    /// <summary>By node, the pods whose status says that they are not captured.</summary>
    private readonly Dictionary<string, ImmutableHashSet<ObjectKey>> _marked = new(StringComparer.Ordinal);

    /// <summary>By pod, what this one has written and the watch has not told yet.</summary>
    private readonly Dictionary<ObjectKey, string?> _written = [];

    private Task _work = Task.CompletedTask;
    private ApiFailure? _failure;

    /// <param name="client">Writes, as fast as it may.</param>
    /// <param name="objects">The pods.</param>
    /// <param name="registry">Which nodes have their agent here.</param>
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
    public TimeSpan Take(string node, IReadOnlyDictionary<string, string> refused)
    {
        TimeSpan wait = _others.Take(node, refused.Where(r => Find(r.Key) is { IsPod: false }).ToDictionary(StringComparer.Ordinal));
        if (wait > TimeSpan.Zero) return wait;
        lock (_lock) _told[node] = new(refused, IsWhole: true);
        _queue.Add(node);
        return TimeSpan.Zero;
    }

    /// <summary>Begins to write.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        _objects.Changed += OnChanged;
        _work = new QueueWorkers<string>("refusals", _queue, WriteAsync, _logger).RunAsync(1, _stop.Token);
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _objects.Changed -= OnChanged;
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

    private void OnChanged(ObjectSetChange change)
    {
        foreach (ObjectKey key in change.Keys.Where(k => k.Kind == ObjectKind.Workload))
        {
            var (before, after) = (change.Before.Objects.GetValueOrDefault(key) as WorkloadObject, change.After.Objects.GetValueOrDefault(key) as WorkloadObject);
            lock (_lock)
            {
                if (after is null || (_written.TryGetValue(key, out string? written) && written == after.NotCaptured)) _written.Remove(key);
                if (before is { IsPod: true, NotCaptured: not null }) Mark(before.Node, marked => marked.Remove(key));
                if (after is { IsPod: true, NotCaptured: not null }) Mark(after.Node, marked => marked.Add(key));

                // A node may know of a pod before this controller does.
                if (after is { IsPod: true } && _told.TryGetValue(after.Node, out Report? told) && told.Refused.ContainsKey(after.Meta.FullName.ToString())) _queue.Add(after.Node);
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
        lock (_lock) (report, marked) = (_told.GetValueOrDefault(node), [.. (_marked.GetValueOrDefault(node) ?? []).Select(k => $"{k.Namespace}/{k.Name}")]);
        if (report is null) return null;
        IReadOnlyDictionary<string, string> told = report.Refused;
        IEnumerable<string> back = report.IsWhole ? marked.Where(m => !told.ContainsKey(m)) : [];
        (string Uid, string? Reason)[] wanted = [.. told.Select(t => (t.Key, (string?)t.Value)), .. back.Select(m => (m, (string?)null))];
        try
        {
            List<(ResourceName Pod, string Uid, string? Reason)> news = [];
            foreach ((string uid, string? reason) in wanted)
            {
                // Of other nodes' pods a node has nothing to say.
                if (Find(uid) is not { IsPod: true, PodUid: { } podUid } pod || pod.Node != node || !await WriteAsync(pod, podUid, reason, cancellationToken)) continue;
                news.Add((new(pod.Meta.Namespace, pod.Meta.Name), podUid, reason));
            }
            _failure = null;
            IsWritten(node, report);
            if (news.Count == 0) return null;
            if (report.IsWhole) NodesLog.Tell(_logger, node, marked, told);
            bool isOfAll = (told.Count == 0) != (marked.Length == 0);
            await _events.WriteAsync(news, isOfAll ? node : null, [.. told.OrderBy(t => t.Key, StringComparer.Ordinal)], cancellationToken);
            return null;
        }
        catch (ApiException e)
        {
            string remedy = e.Failure == ApiFailure.Forbidden ? "the controller's role lacks the verb patch on pods/status; " : "";
            if (e.Failure != _failure) KubernetesLog.RefusalNotWritten(_logger, node, RetryDelay.TotalSeconds, remedy, e.Message);
            _failure = e.Failure;
            return e.RetryAfter > RetryDelay ? e.RetryAfter : RetryDelay;
        }
    }

    /// <summary>Keeps of a report that was written what is said of pods that are not known yet, for as long as the node has its agent here.</summary>
    private void IsWritten(string node, Report report)
    {
        bool isHere = _registry.Find(node) is { Connected: true };
        Dictionary<string, string> unknown = isHere ? report.Refused.Where(r => Find(r.Key) is null).ToDictionary(StringComparer.Ordinal) : [];
        lock (_lock)
        {
            if (_told.GetValueOrDefault(node) != report) return;
            if (unknown.Count == 0) _told.Remove(node);
            else _told[node] = new(unknown, IsWhole: false);
        }
    }

    /// <returns>Whether it is news that it is captured, or that it is not.</returns>
    private async Task<bool> WriteAsync(WorkloadObject pod, string uid, string? reason, CancellationToken cancellationToken)
    {
        string? before;
        lock (_lock) before = _written.TryGetValue(pod.Key, out string? written) ? written : pod.NotCaptured;
        if (before == reason) return false;
        ResourceName name = new(pod.Meta.Namespace, pod.Meta.Name);
        try
        {
            await _client.Resource(KnownResources.Pods).ApplyAsync(name, CaptureCondition.Document(name, uid, reason, _time.GetUtcNow()), new(KubernetesStatus.FieldManager) { Subresource = "status", Force = true }, cancellationToken);
        }
        catch (ApiException e) when (e.Failure is ApiFailure.NotFound or ApiFailure.Conflict)
        {
            // It has gone, or is another one by now.
            return false;
        }
        lock (_lock) _written[pod.Key] = reason;
        return before is null || reason is null;
    }

    /// <param name="Refused">By uid, why it can't be captured.</param>
    /// <param name="IsWhole">Whether all others can be.</param>
    private sealed record Report(IReadOnlyDictionary<string, string> Refused, bool IsWhole);
}
