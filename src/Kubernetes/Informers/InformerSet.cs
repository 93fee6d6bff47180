using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Informers;

/// <summary>The informers of a program: one for each kind, whoever asks. They are made first and started together.</summary>
/// <param name="client">Where objects come from.</param>
/// <param name="metrics">Where it is counted.</param>
/// <param name="time">The clock.</param>
/// <param name="logger">For failures.</param>
public sealed class InformerSet(IKubernetesClient client, KubernetesMetrics metrics, TimeProvider time, ILogger<InformerSet> logger) : IAsyncDisposable
{
    private readonly Lock _lock = new();
    private readonly Dictionary<string, (object Informer, Action Start, Func<CancellationToken, Task> Synced, Func<ValueTask> Dispose)> _informers = new(StringComparer.Ordinal);
    private bool _isStarted;

    /// <summary>The informer of a kind. Who asks first says which objects it has, and its indexes.</summary>
    /// <typeparam name="T">The record for an object.</typeparam>
    /// <param name="type">The kind.</param>
    /// <param name="options">Which objects; null for all of them, or for whatever was said first.</param>
    /// <exception cref="InvalidOperationException">There is one already, and options are said again; or its record is another.</exception>
    public IInformer<T> Of<T>(ResourceType<T> type, InformerOptions<T>? options = null)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        ArgumentNullException.ThrowIfNull(type);
        string key = $"{type.ApiVersion}/{type.Plural}";
        lock (_lock)
        {
            if (_informers.TryGetValue(key, out var found))
            {
                if (options is not null) throw new InvalidOperationException($"there is an informer of {type} already; its options are said once");
                return found.Informer as IInformer<T> ?? throw new InvalidOperationException($"there is an informer of {type} with another record");
            }
            var informer = new Informer<T>(client.Resource(type), options ?? new(), metrics, time, logger);
            _informers.Add(key, (informer, informer.Start, informer.WaitForSyncAsync, informer.DisposeAsync));
            if (_isStarted) informer.Start();
            return informer;
        }
    }

    /// <summary>Starts all there are, and those to come as they are made.</summary>
    public void Start()
    {
        lock (_lock)
        {
            _isStarted = true;
            foreach (var informer in _informers.Values) informer.Start();
        }
    }

    /// <summary>Waits until all that there are have had all objects once.</summary>
    public Task WaitForSyncAsync(CancellationToken cancellationToken)
    {
        lock (_lock) return Task.WhenAll(_informers.Values.Select(i => i.Synced(cancellationToken)));
    }

    /// <summary>Ends all of them.</summary>
    public async ValueTask DisposeAsync()
    {
        Func<ValueTask>[] all;
        lock (_lock) all = [.. _informers.Values.Select(i => i.Dispose)];
        foreach (Func<ValueTask> dispose in all) await dispose();
    }
}
