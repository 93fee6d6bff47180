using System.Collections.Immutable;
using System.Text.Json;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using Culvert.Kubernetes.WorkQueue;
using k8s.Models;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Progress;

/// <summary>
/// Exchanges with other controllers how far nodes are, by a ConfigMap in which each has a key: whoever writes statuses says of an object where it is in force, and each node has the stream of one controller only.
/// The ConfigMap is not this one's to make, so that the role names it. From the start to the stop. Safe for any number of threads.
/// </summary>
internal sealed class SharedProgress : IHostedService, IDisposable
{
    // Agents take a change up within a fraction of a second, all at about the same time.
    private static readonly TimeSpan Gathering = TimeSpan.FromMilliseconds(100), ShortestInterval = TimeSpan.FromSeconds(1);

    private static readonly TimeSpan RetryDelay = TimeSpan.FromSeconds(10), Farewell = TimeSpan.FromSeconds(2);

    // What is older was left by a controller that has ended without a farewell.
    private static readonly TimeSpan Renewal = TimeSpan.FromMinutes(20), Expiry = TimeSpan.FromHours(1);

    private readonly IKubernetesClient _client;
    private readonly ResourceName _name;
    private readonly string _own;
    private readonly MeshProgress _progress;
    private readonly KubernetesMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly WorkQueue<ResourceName> _queue;
    private readonly CancellationTokenSource _stop = new();

    /// <summary>Ends a write that is under way at the stop and does not end by itself: one that was given up may be done by the server after the farewell.</summary>
    private readonly CancellationTokenSource _patience = new();
    private readonly Lock _lock = new();
    private ImmutableDictionary<string, (string Text, ProgressDocument? Said)> _others = ImmutableDictionary.Create<string, (string, ProgressDocument?)>(StringComparer.Ordinal);
    private Task _work = Task.CompletedTask;
    private ProgressDocument? _written;
    private long _writtenAt;
    private DateTimeOffset _retryAt;
    private bool _mayHaveKey;
    private string? _failure;

    /// <param name="client">Reads, writes and watches.</param>
    /// <param name="name">The ConfigMap.</param>
    /// <param name="identity">This controller's key in it.</param>
    /// <param name="progress">What is told, and what takes up what others tell.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said what can't be exchanged.</param>
    public SharedProgress(IKubernetesClient client, ResourceName name, string identity, MeshProgress progress, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    {
        (_client, _name, _own, _progress, _metrics, _time, _logger) = (client, name, identity, progress, metrics, time, logger);
        _queue = new("progress", new(), metrics, time);
    }

    /// <summary>Begins to exchange.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        ObjectWatch<V1ConfigMap> watch = new(_client.Resource(KnownResources.ConfigMaps), _name, Take, _metrics, _time, _logger);
        _progress.Changed += Signal;
        _work = Task.WhenAll(Task.Run(() => watch.RunAsync(_stop.Token), CancellationToken.None), new QueueWorkers<ResourceName>("progress", _queue, WriteAsync, _logger).RunAsync(1, _stop.Token));
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        _progress.Changed -= Signal;
        await _stop.CancelAsync();
        _patience.CancelAfter(Farewell);
        await _work;
        if (!_mayHaveKey) return;
        using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
        limit.CancelAfter(Farewell);
        try
        {
            await PatchAsync(new() { [_own] = null }, limit.Token);
        }
        catch (Exception e) when (e is ApiException or OperationCanceledException)
        {
            ProgressLog.NotTakenOut(_logger, _name.ToString(), e.Message);
        }
    }

    public void Dispose()
    {
        _queue.Dispose();
        _stop.Dispose();
        _patience.Dispose();
    }

    private void Signal() => _queue.AddAfter(_name, Gathering);

    private void Take(V1ConfigMap? map)
    {
        lock (_lock)
        {
            _others = (map?.Data ?? ImmutableDictionary<string, string>.Empty).Where(d => d.Key != _own)
                .ToImmutableDictionary(d => d.Key, d => _others.TryGetValue(d.Key, out var known) && known.Text == d.Value ? known : (d.Value, Parse(d.Key, d.Value)), StringComparer.Ordinal);
            DateTimeOffset now = _time.GetUtcNow();

            // What a node refuses it may have taken up elsewhere since.
            _progress.Hear([.. _others.Values.Select(o => o.Said).OfType<ProgressDocument>().Select(s => now - s.Written < Renewal ? s : s with { Refused = ImmutableDictionary<string, string>.Empty })]);

            // Somebody may have emptied it.
            if (_written is not null && map?.Data.ContainsKey(_own) != true) _written = null;
        }
        Signal();
    }

    private ProgressDocument? Parse(string key, string text)
    {
        try
        {
            return ProgressDocument.Read(text);
        }
        catch (JsonException e)
        {
            ProgressLog.NotRead(_logger, key, _name.ToString(), e.Message);
            return null;
        }
    }

    /// <summary>Returns when to write the next time, if nothing changes before.</summary>
    private async Task<TimeSpan?> WriteAsync(ResourceName name, CancellationToken _)
    {
        DateTimeOffset now = _time.GetUtcNow();
        ProgressDocument own = _progress.Own(now);
        Dictionary<string, string?> data;
        lock (_lock)
        {
            if (_written is { } written && written.SaysTheSameAs(own) && now - written.Written < Renewal) return written.Written + Renewal - now;
            if (_retryAt > now) return _retryAt - now;
            if (_writtenAt != 0 && ShortestInterval - _time.GetElapsedTime(_writtenAt) is { } left && left > TimeSpan.Zero) return left;
            data = _others.Where(o => o.Value.Said is null || now - o.Value.Said.Written > Expiry).ToDictionary(o => o.Key, _ => (string?)null, StringComparer.Ordinal);
            data[_own] = JsonSerializer.Serialize(own, ProgressJson.Default.ProgressDocument);
            (_written, _writtenAt) = (own, _time.GetTimestamp());
        }
        try
        {
            _mayHaveKey = true;
            await PatchAsync(data, _patience.Token);
            if (_failure is not null) ProgressLog.Written(_logger, name.ToString());
            _failure = null;
            return Renewal;
        }
        catch (ApiException e)
        {
            string failure = $"{e.Failure} {e.MissingVerb}";
            if (failure != _failure) ProgressLog.NotWritten(_logger, name.ToString(), RetryDelay.TotalSeconds, RoleRemedy.OfObject(e), e.Message);
            TimeSpan retry = e.RetryAfter > RetryDelay ? e.RetryAfter.Value : RetryDelay;
            lock (_lock) (_written, _retryAt, _failure) = (null, now + retry, failure);
            return retry;
        }
    }

    private Task<V1ConfigMap> PatchAsync(Dictionary<string, string?> data, CancellationToken cancellationToken)
    {
        byte[] document = JsonSerializer.SerializeToUtf8Bytes(new(data), ApiJson.Default.ConfigMapPatch);
        return _client.Resource(KnownResources.ConfigMaps).PatchAsync(_name, Patch.Merge(document), new() { FieldManager = KubernetesStatus.FieldManager }, cancellationToken);
    }
}
