using System.Text;
using System.Text.Json;
using System.Threading.Channels;
using Culvert.Cli.Installation;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Informers;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using k8s;
using k8s.Models;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Cli.Tests;

/// <summary>
/// A real API server, and in place of a cluster's controllers and of Culvert's own what they would do with the objects of an installation: pods are said to be ready, roots are written, and what is deleted goes.
/// It acts on a kind only when the user who is tested may watch it, so that the user has to wait, and to watch.
/// </summary>
internal sealed class StandInCluster : IAsyncDisposable
{
    private const string DoneDeployment = "\"replicas\":2,\"updatedReplicas\":2,\"availableReplicas\":2,\"readyReplicas\":2";
    private const string DoneDaemonSet = "\"desiredNumberScheduled\":1,\"currentNumberScheduled\":1,\"updatedNumberScheduled\":1,\"numberAvailable\":1,\"numberReady\":1,\"numberMisscheduled\":0";

    private static readonly ResourceType<PartialObject>[] PlannedTypes = [.. InstallPlan.Create(new()).All.Select(ManifestKinds.Of).DistinctBy(t => t.FullName)];

    private readonly KubernetesMetrics _metrics = new();
    private readonly Channel<bool> _changes = ClusterObjects.MakeSignal();
    private readonly Func<string, bool> _mayWatch;
    private readonly List<IAsyncDisposable> _informers = [];
    private readonly List<Func<Task>> _acts = [];
    private readonly CancellationTokenSource _stop = new();
    private readonly Task _acting;

    private StandInCluster(ApiServer server, Func<string, bool> mayWatch)
    {
        (Server, _mayWatch, Admin) = (server, mayWatch, server.Client(metrics: _metrics));
        On(KnownResources.Deployments, d => !Rollout.Of(d).IsDone && mayWatch(KnownResources.Pods.FullName), (c, d) => FinishAsync(c, d.Metadata, DoneDeployment));
        On(KnownResources.DaemonSets, s => !Rollout.Of(s).IsDone && mayWatch(KnownResources.Pods.FullName), (c, s) => FinishAsync(c, s.Metadata, DoneDaemonSet));
        On(KnownResources.ConfigMaps, m => m.Metadata.Name == InstallPlan.RootsName && !m.Data.ContainsKey(InstallPlan.RootsKey), (c, m) => c.PatchAsync(m.Metadata.ResourceName, Merge($$$"""{"data":{"{{{InstallPlan.RootsKey}}}":"roots"}}"""), null, _stop.Token));
        string bundle = Convert.ToBase64String(Encoding.ASCII.GetBytes(server.Authority.Pem));
        On(KnownResources.ValidatingWebhookConfigurations, w => w.Webhooks.Any(h => h.ClientConfig.CaBundle is not { Length: > 0 }), (c, w) =>
            c.PatchAsync(w.Metadata.ResourceName, Patch.Strategic(Encoding.UTF8.GetBytes($$$"""{"webhooks":[{"name":"objects.culvert.dev","clientConfig":{"caBundle":"{{{bundle}}}"}}]}""")), null, _stop.Token));
        foreach (var type in PlannedTypes) On(type, o => o.Metadata.DeletionTimestamp is not null, LetGoAsync);
        _acting = ActAsync();
    }

    public ApiServer Server { get; }

    public KubernetesClient Admin { get; }

    public static async Task<StandInCluster> StartAsync(Func<string, bool> mayWatch) => new(await ApiServer.StartAsync(), mayWatch);

    /// <summary>Has it look again who may watch what.</summary>
    public void Look() => _changes.Writer.TryWrite(true);

    public async ValueTask DisposeAsync()
    {
        try
        {
            await _stop.CancelAsync();
            await _acting;
        }
        finally
        {
            foreach (var informer in _informers) await informer.DisposeAsync();
            _stop.Dispose();
            Admin.Dispose();
            _metrics.Dispose();
            await Server.DisposeAsync();
        }
    }

    private async Task ActAsync()
    {
        try
        {
            while (true)
            {
                await _changes.Reader.ReadAsync(_stop.Token);
                foreach (var act in _acts) await act();
            }
        }
        catch (OperationCanceledException) when (_stop.IsCancellationRequested)
        {
            // As it was told to.
        }
    }

    private void On<T>(ResourceType<T> type, Func<T, bool> isMeant, Func<IResourceClient<T>, T, Task> act)
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        var client = Admin.Resource(type);
        var informer = new Informer<T>(client, new InformerOptions<T>(), _metrics, TimeProvider.System, NullLogger.Instance);
        informer.Subscribe(new Signal<T>(_changes.Writer));
        informer.Start();
        _informers.Add(informer);
        _acts.Add(async () =>
        {
            if (!_mayWatch(type.FullName)) return;
            foreach (var item in informer.Cache.All().Where(o => IsCulverts(o.Metadata) && isMeant(o)))
            {
                try
                {
                    await act(client, item);
                }
                catch (ApiException e) when (e.Failure is ApiFailure.NotFound or ApiFailure.Conflict)
                {
                    // It has gone meanwhile, or is another; what comes next is told.
                }
            }
        });
    }

    private static bool IsCulverts(V1ObjectMeta meta) => meta.NamespaceProperty is null ? meta.Name!.Contains("culvert", StringComparison.Ordinal) : meta.NamespaceProperty == InstallPlan.Namespace;

    private Task FinishAsync<T>(IResourceClient<T> client, V1ObjectMeta meta, string status)
        where T : class, IKubernetesObject<V1ObjectMeta> => client.PatchStatusAsync(meta.ResourceName, Encoding.UTF8.GetBytes($"{{\"status\":{{\"observedGeneration\":{meta.Generation},{status}}}}}"), "tests", _stop.Token);

    // As the collector of garbage and the controller of namespaces would; a definition's own finalizer is the server's.
    private async Task LetGoAsync(IResourceClient<PartialObject> client, PartialObject item)
    {
        // Of what has changed since, the server may have taken its own out already.
        var left = item.Metadata.Finalizers.Where(f => f != "foregroundDeletion").ToArray();
        if (left.Length < item.Metadata.Finalizers.Count) await client.PatchAsync(item.Metadata.ResourceName, Merge($"{{\"metadata\":{{\"resourceVersion\":\"{item.Metadata.ResourceVersion}\",\"finalizers\":{JsonSerializer.Serialize(left)}}}}}"), null, _stop.Token);

        // The watch may not have told yet that it is gone. What is in it can't be changed after it, and so not let go.
        if (client.Type.Kind == "Namespace" && !await HoldsDeletedAsync(item.Metadata.Name!) && await client.FindAsync(item.Metadata.ResourceName, _stop.Token) is not null) await Server.KubectlAsync($$$"""{"apiVersion":"v1","kind":"Namespace","metadata":{"name":"{{{item.Metadata.Name}}}"},"spec":{"finalizers":[]}}""", "replace", "--raw", $"/api/v1/namespaces/{item.Metadata.Name}/finalize", "-f", "-");
    }

    private async Task<bool> HoldsDeletedAsync(string ns)
    {
        foreach (var type in PlannedTypes.Where(t => t.IsNamespaced && _mayWatch(t.FullName)))
        {
            try
            {
                if ((await Admin.Resource(type).ListAsync(new() { Namespace = ns }, _stop.Token)).Items.Any(o => o.Metadata.DeletionTimestamp is not null)) return true;
            }
            catch (ApiException e) when (e.Failure == ApiFailure.NotFound)
            {
                // An old server does not have the kind.
            }
        }

        return false;
    }

    private static Patch Merge(string document) => Patch.Merge(Encoding.UTF8.GetBytes(document));

    private sealed class Signal<T>(ChannelWriter<bool> changes) : IResourceHandler<T>
        where T : class, IKubernetesObject<V1ObjectMeta>
    {
        public void Added(T item) => changes.TryWrite(true);

        public void Updated(T before, T item) => changes.TryWrite(true);

        public void Deleted(T item) => changes.TryWrite(true);
    }
}
