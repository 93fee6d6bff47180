using System.Threading.Channels;
using Culvert.Controller.Identity;
using Culvert.Controller.Store;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Snapshots;

/// <summary>Compiles anew whenever the source or the trust bundle changes, and tells everybody who streams. Publishes nothing before the source was read. Safe for any number of threads.</summary>
internal sealed class SnapshotPublisher : IDisposable
{
    private readonly ObjectStore _objects;
    private readonly ICertificateAuthority _authority;
    private readonly ILogger _logger;
    private readonly Lock _lock = new();
    private readonly HashSet<Channel<bool>> _subscribers = [];
    private volatile ResourceCatalog _current = ResourceCatalog.Empty;

    public SnapshotPublisher(ObjectStore objects, ICertificateAuthority authority, ILogger<SnapshotPublisher> logger)
    {
        (_objects, _authority, _logger) = (objects, authority, logger);
        objects.Changed += OnChanged;
        authority.RootsChanged += Publish;
        Publish();
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
        _authority.RootsChanged -= Publish;
    }

    private void OnChanged(ObjectSetChange change) => Publish();

    private void Publish()
    {
        // An empty world would take every workload out of the mesh, and with it the policy that guards it.
        if (!_objects.Current.IsRead) return;
        lock (_lock)
        {
            CompiledWorld world = WorldCompiler.Compile(World.From(_objects.Current, _authority.Roots));
            _current = new(world, _current.Version + 1, _current);
            SnapshotLog.Published(_logger, _current.Version, world.Workloads.Length, world.Services.Length, world.Policies.Count);
            foreach (Channel<bool> subscriber in _subscribers) subscriber.Writer.TryWrite(true);
        }
        Changed?.Invoke();
    }
}
