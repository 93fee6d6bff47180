using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Informers;

/// <summary>One watch for everybody who wants to know of a kind.</summary>
/// <typeparam name="T">The record for an object.</typeparam>
public sealed class Informer<T> : IInformer<T>, IReflectorSink<T>, IAsyncDisposable
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly IResourceClient<T> _client;
    private readonly InformerOptions<T> _options;
    private readonly KubernetesMetrics _metrics;
    private readonly TimeProvider _time;
    private readonly ILogger _logger;
    private readonly ResourceCache<T> _cache;
    private readonly CancellationTokenSource _stop = new();
    private readonly TaskCompletionSource _synced = new(TaskCreationOptions.RunContinuationsAsynchronously);

    // Held while cache and subscriptions change, so that every handler is told each change once.
    private readonly Lock _lock = new();
    private readonly List<Subscription<T>> _subscriptions = [];
    private volatile InformerState _state = new(false, false, null);
    private Task? _run;

    /// <param name="client">Where objects come from.</param>
    /// <param name="options">Which, and by what they are found.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">For failures.</param>
    public Informer(IResourceClient<T> client, InformerOptions<T> options, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    {
        ArgumentNullException.ThrowIfNull(client);
        ArgumentNullException.ThrowIfNull(options);
        (_client, _options, _metrics, _time, _logger) = (client, options, metrics, time, logger);
        _cache = new(options.Indexes, e => InformerLog.HandlerFailed(logger, e, client.Type.FullName));
    }

    /// <inheritdoc/>
    public IResourceCache<T> Cache => _cache;

    /// <inheritdoc/>
    public InformerState State => _state;

    /// <summary>Begins to list and to watch; once.</summary>
    public void Start()
    {
        lock (_lock) _run ??= Task.Run(() => new Reflector<T>(_client, this, _options.Reflector, _metrics, _time, _logger).RunAsync(_stop.Token));
    }

    /// <inheritdoc/>
    public Task WaitForSyncAsync(CancellationToken cancellationToken) => _synced.Task.WaitAsync(cancellationToken);

    /// <inheritdoc/>
    public IDisposable Subscribe(IResourceHandler<T> handler)
    {
        var subscription = new Subscription<T>(handler, _client.Type.FullName, _metrics, _logger, Remove);
        lock (_lock)
        {
            foreach (T item in _cache.All()) subscription.Tell(h => h.Added(item));
            if (_state.IsSynced) subscription.Tell(h => h.Synced());
            _subscriptions.Add(subscription);
        }
        return subscription;
    }

    /// <summary>Ends the watch and the handlers' calls.</summary>
    public async ValueTask DisposeAsync()
    {
        await _stop.CancelAsync();
        if (_run is not null) await _run;
        Subscription<T>[] subscriptions;
        lock (_lock) subscriptions = [.. _subscriptions];
        foreach (Subscription<T> subscription in subscriptions) subscription.Dispose();
        await Task.WhenAll(subscriptions.Select(s => s.Told));
        _synced.TrySetCanceled();
        _stop.Dispose();
    }

    /// <inheritdoc/>
    void IReflectorSink<T>.Replace(ResourcePage<T> all)
    {
        lock (_lock)
        {
            // What can't be read is there all the same: it has not gone.
            HashSet<ResourceName> there = [.. all.Items.Select(i => i.Metadata.ResourceName), .. all.Unreadable.Select(u => u.Metadata.ResourceName)];
            foreach (ResourceName name in _cache.Names())
            {
                if (!there.Contains(name)) Delete(name);
            }
            foreach (T item in all.Items) Set(item);
            foreach (UnreadableObject unreadable in all.Unreadable) Tell(h => h.Unreadable(unreadable));
            bool isFirst = !_state.IsSynced;
            _state = _state with { IsSynced = true };
            if (isFirst) Tell(h => h.Synced());
        }
        _synced.TrySetResult();
    }

    /// <inheritdoc/>
    void IReflectorSink<T>.Apply(WatchEvent<T> change)
    {
        lock (_lock)
        {
            if (change.Type == WatchEventType.Deleted) Delete((change.Item?.Metadata ?? change.Unreadable!.Metadata).ResourceName);
            else if (change.Item is { } item) Set(item);
            else if (change.Unreadable is { } unreadable) Tell(h => h.Unreadable(unreadable));
        }
    }

    /// <inheritdoc/>
    void IReflectorSink<T>.Watching()
    {
        lock (_lock) _state = _state with { IsWatching = true, Error = null };
    }

    /// <inheritdoc/>
    void IReflectorSink<T>.Failed(ApiException error)
    {
        lock (_lock)
        {
            _state = _state with { IsWatching = false, Error = error };
            Tell(h => h.Failed(error));
        }
    }

    private void Set(T item)
    {
        ResourceName name = item.Metadata.ResourceName;
        T? before = _cache.Set(name, item);
        if (before is null)
        {
            Tell(h => h.Added(item));
        }
        else if (before.Metadata.Uid != item.Metadata.Uid)
        {
            Tell(h => h.Deleted(before));
            Tell(h => h.Added(item));
        }
        else if (before.Metadata.ResourceVersion != item.Metadata.ResourceVersion)
        {
            Tell(h => h.Updated(before, item));
        }
    }

    private void Delete(ResourceName name)
    {
        if (_cache.Remove(name) is { } before) Tell(h => h.Deleted(before));
    }

    private void Tell(Action<IResourceHandler<T>> what)
    {
        foreach (Subscription<T> subscription in _subscriptions) subscription.Tell(what);
    }

    private void Remove(Subscription<T> subscription)
    {
        lock (_lock) _subscriptions.Remove(subscription);
    }
}
