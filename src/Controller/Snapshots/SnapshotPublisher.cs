using System.Threading.Channels;
using Culvert.Controller.Compilation;
using Culvert.Controller.Identity;
using Culvert.Controller.Nodes;
using Culvert.Controller.Objects;
using Culvert.Controller.Statuses;
using Culvert.Controller.Store;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Snapshots;

/// <summary>Compiles what has changed whenever the source, the trust bundle or what nodes can't capture changes, and tells everybody who streams. Publishes nothing before the source was read. Safe for any number of threads.</summary>
internal sealed class SnapshotPublisher : IDisposable
{
    private readonly ObjectStore _objects;
    private readonly IStatusSink _status;
    private readonly ICertificateAuthority _authority;
    private readonly RefusedWorkloads _refused;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private MeshCompiler _compiler = new();
    private ObjectSet? _compiled;
    private readonly HashSet<Channel<bool>> _subscribers = [];
    private volatile ResourceCatalog _current = ResourceCatalog.Empty;

    public SnapshotPublisher(ObjectStore objects, IStatusSink status, ICertificateAuthority authority, RefusedWorkloads refused, ILogger<SnapshotPublisher> logger)
    {
        (_objects, _status, _authority, _refused, _logger) = (objects, status, authority, refused, logger);
        objects.Changed += OnChanged;
        authority.RootsChanged += PublishAnew;
        refused.Changed += PublishAnew;
        try
        {
            Publish(null);
        }
        catch
        {
            Dispose();
            throw;
        }
    }

    /// <summary>Raised after <see cref="Current"/> has changed, on any thread.</summary>
    public event Action? Changed;

    /// <summary>The latest catalog; <see cref="ResourceCatalog.Empty"/> while the source was not read yet.</summary>
    public ResourceCatalog Current => _current;

    /// <summary>A channel that gets a signal for each new catalog; signals not read yet are one.</summary>
    public Channel<bool> Subscribe()
    {
        var channel = Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });
        lock (_lock) _subscribers.Add(channel);
        return channel;
    }

    /// <summary>Ends a subscription.</summary>
    public void Unsubscribe(Channel<bool> channel)
    {
        lock (_lock) _subscribers.Remove(channel);
    }

    public void Dispose()
    {
        _objects.Changed -= OnChanged;
        _authority.RootsChanged -= PublishAnew;
        _refused.Changed -= PublishAnew;
    }

    private void OnChanged(ObjectSetChange change) => Publish(change);

    private void PublishAnew() => Publish(null);

    /// <param name="change">The step that is to be published; null: only the roots have changed, or what nodes can't capture, or nothing was published before.</param>
    private void Publish(ObjectSetChange? change)
    {
        // An empty world would take every workload out of the mesh, and with it the policy that guards it.
        lock (_lock)
        {
            ObjectSet objects = change?.After ?? _objects.Current;
            if (!objects.IsRead) return;

            // A step from another set than the one compiled last: the compiler finds the difference itself.
            IReadOnlyCollection<ObjectKey>? keys = ReferenceEquals(objects, _compiled) ? [] : change is not null && ReferenceEquals(change.Before, _compiled) ? change.Keys : null;
            _compiled = objects;
            try
            {
                _current = _compiler.Update(objects, keys, _authority.Roots, _status.Summary, _refused.ByNode);
            }
            catch
            {
                // A bug: what is compiled next is compiled from nothing, as nobody knows what the compiler has taken up.
                (_compiler, _compiled) = (new MeshCompiler(_current.Version), null);
                throw;
            }
            SnapshotLog.Published(_logger, _current.Version, _current.Workloads.Count, _current.Services.Count, _current.Policies.Count, _current.Work);
            foreach (Channel<bool> subscriber in _subscribers) subscriber.Writer.TryWrite(true);
        }
        Changed?.Invoke();
    }
}
