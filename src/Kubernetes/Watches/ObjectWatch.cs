using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Watches;

/// <summary>Watches one object by its name, so that a role may name it. Thread-safe.</summary>
public sealed class ObjectWatch<T> : IReflectorSink<T>
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly Reflector<T> _reflector;
    private readonly Action<T?> _seen;

    /// <param name="client">Objects of the kind.</param>
    /// <param name="name">Its name.</param>
    /// <param name="seen">Called with it as it is now, null when there is none, one call at a time: whenever it may have changed.</param>
    /// <param name="metrics">Where it is counted.</param>
    /// <param name="time">The clock.</param>
    /// <param name="logger">Where it is said what can't be read.</param>
    public ObjectWatch(IResourceClient<T> client, ResourceName name, Action<T?> seen, KubernetesMetrics metrics, TimeProvider time, ILogger logger)
    {
        _seen = seen;
        _reflector = new(client, this, new() { Namespace = name.Namespace, FieldSelector = $"metadata.name={name.Name}" }, metrics, time, logger);
    }

    /// <summary>Watches until it is told to stop. What fails is logged, and tried again.</summary>
    public Task RunAsync(CancellationToken cancellationToken) => _reflector.RunAsync(cancellationToken);

    void IReflectorSink<T>.Replace(ResourcePage<T> all)
    {
        ArgumentNullException.ThrowIfNull(all);
        if (all.Items.Count == 0 && all.Unreadable.Count > 0) return; // what was seen of it last counts on
        _seen(all.Items.Count > 0 ? all.Items[0] : null);
    }

    void IReflectorSink<T>.Apply(WatchEvent<T> change)
    {
        ArgumentNullException.ThrowIfNull(change);
        if (change.Type != WatchEventType.Deleted && change.Unreadable is not null) return;
        _seen(change.Type == WatchEventType.Deleted ? null : change.Item);
    }

    void IReflectorSink<T>.Watching()
    {
        // Lists and events tell what there is to know.
    }

    void IReflectorSink<T>.Failed(ApiException error)
    {
        // The reflector has logged it, and goes on.
    }
}
