using System.Collections.Immutable;
using System.Threading.Channels;
using Culvert.Controller.Compilation;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Identity.Revocation;
using Culvert.Controller.Issuers;
using Culvert.Controller.Nodes;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Statuses;
using Culvert.Controller.Store;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Snapshots;

/// <summary>
/// Compiles what has changed whenever the source, the trust bundle, what nodes can't capture, the keys of issuers, revocation lists or the bundles of other trust domains change, from its start to its stop, and tells everybody who streams. Publishes nothing before the source was
/// read. Safe for any number of threads.
/// </summary>
/// <param name="objects">The objects in force.</param>
/// <param name="status">What the source has to say of them.</param>
/// <param name="authority">Whose roots agents are to trust.</param>
/// <param name="refused">What nodes can't capture.</param>
/// <param name="keys">Keys of issuers of tokens that were read from URLs.</param>
/// <param name="lists">Certificates that revocation lists name.</param>
/// <param name="federated">Bundles of other trust domains.</param>
/// <param name="logger">Where it is said what was published.</param>
internal sealed class SnapshotPublisher(ObjectStore objects, IStatusSink status, ICertificateAuthority authority, RefusedWorkloads refused, IssuerKeys keys, RevocationLists lists, FederatedBundles federated, ILogger<SnapshotPublisher> logger) : IHostedService
{
    private readonly Lock _lock = new();
    private MeshCompiler _compiler = new();
    private ObjectSet? _compiled;
    private string? _foreign;
    private readonly HashSet<Channel<bool>> _subscribers = [];
    private volatile ResourceCatalog _current = ResourceCatalog.Empty;

    /// <summary>Raised after <see cref="Current"/> has changed, on any thread.</summary>
    public event Action? Changed;

    /// <summary>The latest catalog; <see cref="ResourceCatalog.Empty"/> while the source was not read yet.</summary>
    public ResourceCatalog Current => _current;

    /// <summary>Publishes what is in force, if the source was read already, and from then on what changes.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        objects.Changed += OnChanged;
        authority.RootsChanged += PublishAnew;
        refused.Changed += PublishAnew;
        keys.Changed += PublishAnew;
        lists.Changed += PublishAnew;
        federated.Changed += PublishAnew;
        Publish(null);
        return Task.CompletedTask;
    }

    public Task StopAsync(CancellationToken cancellationToken)
    {
        objects.Changed -= OnChanged;
        authority.RootsChanged -= PublishAnew;
        refused.Changed -= PublishAnew;
        keys.Changed -= PublishAnew;
        lists.Changed -= PublishAnew;
        federated.Changed -= PublishAnew;
        return Task.CompletedTask;
    }

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

    private void OnChanged(ObjectSetChange change) => Publish(change);

    private void PublishAnew() => Publish(null);

    /// <param name="change">The step that is to be published; null: only the roots have changed, or what nodes can't capture, or keys of issuers, or revocation lists, or bundles of other trust domains, or nothing was published before.</param>
    private void Publish(ObjectSetChange? change)
    {
        // An empty world would take every workload out of the mesh, and with it the policy that guards it.
        lock (_lock)
        {
            ObjectSet next = change?.After ?? objects.Current;
            if (!next.IsRead) return;

            // A step from another set than the one compiled last: the compiler finds the difference itself.
            IReadOnlyCollection<ObjectKey>? changed = ReferenceEquals(next, _compiled) ? [] : change is not null && ReferenceEquals(change.Before, _compiled) ? change.Keys : null;
            _compiled = next;
            ImmutableArray<SourceError> closed = _current.Closed;
            ResourceCatalog compiled;
            try
            {
                compiled = _compiler.Update(next, changed, authority.Roots, status.Summary, refused.ByNode, keys.ByUri, lists.Serials, authority.JwtKeys, federated.All);
            }
            catch
            {
                // A bug: what is compiled next is compiled from nothing, as nobody knows what the compiler has taken up.
                (_compiler, _compiled) = (new MeshCompiler(_current.Version), null);
                throw;
            }
            if (IsOfAnotherTrustDomain(compiled.Mesh.TrustDomain)) return;
            if (compiled.Mesh.Revoked.Serials != _current.Mesh.Revoked.Serials) authority.Revoke(compiled.Mesh.Revoked.Serials);
            _current = compiled;
            SnapshotLog.Published(logger, _current.Version, _current.Workloads.Count, _current.Services.Count, _current.Policies.Count, _current.Work);
            foreach (SourceError error in _current.Closed.ExceptBy(closed.Select(About), About)) SnapshotLog.Closed(logger, error);
            foreach (SourceError error in closed.ExceptBy(_current.Closed.Select(About), About)) SnapshotLog.NotClosed(logger, error.Object, error.Reason);
            foreach (Channel<bool> subscriber in _subscribers) subscriber.Writer.TryWrite(true);
        }
        Changed?.Invoke();
    }

    /// <summary>Roots of another trust domain in the mesh's name would end every tunnel of it.</summary>
    private bool IsOfAnotherTrustDomain(string mesh)
    {
        bool isOther = authority.TrustDomain is { } signed && signed != mesh;
        if (isOther && _foreign != mesh) SnapshotLog.OtherTrustDomain(logger, authority.TrustDomain!, mesh);
        _foreign = isOther ? mesh : null;
        return isOther;
    }

    // Not where it was said: the first of a namespace's objects may be another one.
    private static string About(SourceError error) => error.Reason;
}
