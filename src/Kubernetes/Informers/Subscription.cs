using System.Threading.Channels;
using Culvert.Kubernetes.Metrics;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Kubernetes.Informers;

/// <summary>A handler with what it has not been told yet; so that a slow one keeps nobody waiting.</summary>
internal sealed class Subscription<T> : IDisposable
    where T : class, IKubernetesObject<V1ObjectMeta>
{
    private readonly Channel<Action<IResourceHandler<T>>> _waiting = Channel.CreateUnbounded<Action<IResourceHandler<T>>>(new UnboundedChannelOptions { SingleReader = true });
    private readonly IResourceHandler<T> _handler;
    private readonly string _resource;
    private readonly KubernetesMetrics _metrics;
    private readonly ILogger _logger;
    private readonly Action<Subscription<T>> _ended;
    private volatile bool _disposed;

    public Subscription(IResourceHandler<T> handler, string resource, KubernetesMetrics metrics, ILogger logger, Action<Subscription<T>> ended)
    {
        (_handler, _resource, _metrics, _logger, _ended) = (handler, resource, metrics, logger, ended);
        Told = Task.Run(TellAsync);
    }

    /// <summary>Ends after it was disposed and the call that runs has returned.</summary>
    public Task Told { get; }

    public void Tell(Action<IResourceHandler<T>> what)
    {
        if (_waiting.Writer.TryWrite(what)) _metrics.InformerLag(_resource, 1);
    }

    public void Dispose()
    {
        if (_disposed) return;
        _disposed = true;
        _waiting.Writer.TryComplete();
        _ended(this);
    }

    private async Task TellAsync()
    {
        await foreach (Action<IResourceHandler<T>> what in _waiting.Reader.ReadAllAsync())
        {
            _metrics.InformerLag(_resource, -1);
            if (_disposed) continue;
            try
            {
                what(_handler);
            }
            catch (Exception e) when (e is not OutOfMemoryException)
            {
                _metrics.HandlerFailed(_resource);
                InformerLog.HandlerFailed(_logger, e, _resource);
            }
        }
    }
}
