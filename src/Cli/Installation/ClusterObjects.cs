using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Informers;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Watches;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Cli.Installation;

/// <summary>Objects of a cluster: applied, deleted and waited for. Thread-safe.</summary>
internal sealed class ClusterObjects(IKubernetesClient client, KubernetesMetrics metrics)
{
    private const string FieldManager = "culvert-install";

    public IResourceClient<T> Of<T>(ResourceType<T> type)
        where T : class, IKubernetesObject<V1ObjectMeta> => client.Resource(type);

    /// <summary>Has an object be as a manifest says. Fields that others have set and it names are taken over.</summary>
    public Task ApplyAsync(Manifest manifest, CancellationToken cancellationToken) =>
        Of(ManifestKinds.Of(manifest)).ApplyAsync(NameOf(manifest), manifest.ToJson(), new ApplyOptions(FieldManager) { Force = true }, cancellationToken);

    /// <summary>Deletes an object, after all that it owns.</summary>
    /// <returns>Whether it was there.</returns>
    public Task<bool> DeleteAsync(Manifest manifest, CancellationToken cancellationToken) =>
        Of(ManifestKinds.Of(manifest)).DeleteIfThereAsync(NameOf(manifest), new DeleteOptions { Propagation = Propagation.Foreground }, cancellationToken);

    /// <summary>Whether an object is there, and not being deleted.</summary>
    public async Task<bool> IsThereAsync(Manifest manifest, CancellationToken cancellationToken) => await Of(ManifestKinds.Of(manifest)).FindAsync(NameOf(manifest), cancellationToken) is { Metadata.DeletionTimestamp: null };

    /// <summary>Waits until an object that was deleted is gone.</summary>
    public Task UntilGoneAsync(Manifest manifest, CancellationToken cancellationToken) =>
        UntilAsync(ManifestKinds.Of(manifest), ByName(manifest.Namespace, manifest.Name), cache => cache.Count == 0, cancellationToken);

    /// <summary>Waits until objects of a kind are as they should be.</summary>
    /// <exception cref="ApiException">Who asks may not list or watch them, which no wait changes; or it has failed all the time.</exception>
    public async Task UntilAsync<T>(ResourceType<T> type, ReflectorOptions which, Func<IResourceCache<T>, bool> isReached, CancellationToken cancellationToken)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var changes = MakeSignal();
        await using var informer = Watch(type, which, changes.Writer);
        try
        {
            while (!informer.State.IsSynced || !isReached(informer.Cache))
            {
                ThrowIfRefused(informer.State);
                await changes.Reader.ReadAsync(cancellationToken);
            }
        }
        catch (OperationCanceledException) when (informer.State.Error is { } error)
        {
            throw new ApiException(error.Failure, error.Message, error); // that is why it was waited for in vain
        }
    }

    /// <summary>Ends a wait that nothing would come of.</summary>
    /// <exception cref="ApiException">Who asks may not list or watch what it is about.</exception>
    public static void ThrowIfRefused(InformerState state)
    {
        if (state.Error is { Failure: ApiFailure.Forbidden } error) throw new ApiException(error.Failure, error.Message, error) { MissingVerb = error.MissingVerb };
    }

    /// <summary>One object.</summary>
    public static ReflectorOptions ByName(string inNamespace, string name) => new() { Namespace = inNamespace, FieldSelector = $"metadata.name={name}" };

    /// <summary>A channel that has one item after any number of changes.</summary>
    public static Channel<bool> MakeSignal() => Channel.CreateBounded<bool>(new BoundedChannelOptions(1) { FullMode = BoundedChannelFullMode.DropWrite });

    /// <summary>Watches objects, and says when one has changed.</summary>
    public Informer<T> Watch<T>(ResourceType<T> type, ReflectorOptions which, ChannelWriter<bool> changes)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        // A person waits: an API server that is away for a moment is asked again soon.
        var options = new InformerOptions<T> { Reflector = which with { LongestBackoff = TimeSpan.FromSeconds(3) } };
        var informer = new Informer<T>(Of(type), options, metrics, TimeProvider.System, NullLogger.Instance);
        informer.Subscribe(new Signal<T>(changes));
        informer.Start();
        return informer;
    }

    private static ResourceName NameOf(Manifest manifest) => new(manifest.Namespace, manifest.Name);

    private sealed class Signal<T>(ChannelWriter<bool> changes) : IResourceHandler<T>
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        public void Added(T item) => changes.TryWrite(true);

        public void Updated(T before, T item) => changes.TryWrite(true);

        public void Deleted(T item) => changes.TryWrite(true);

        public void Synced() => changes.TryWrite(true);

        public void Failed(ApiException error) => changes.TryWrite(true);
    }
}
