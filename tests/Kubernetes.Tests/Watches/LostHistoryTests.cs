using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Informers;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Kubernetes.Watches;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Watches;

/// <summary>A server that forgets and restarts.</summary>
[Collection(FragileCollection.Name)]
public sealed class LostHistoryTests(FragileCluster cluster) : IDisposable
{
    private readonly KubernetesMetrics _metrics = new();
    private readonly RecordingLogger<InformerSet> _logger = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public async Task AWatchOfAForgottenVersionExpires()
    {
        using KubernetesClient client = cluster.Client();
        string space = await TestNamespaces.MakeAsync(client);
        IResourceClient<V1ConfigMap> maps = client.Resource(KnownResources.ConfigMaps);
        ResourcePage<V1ConfigMap> list = await maps.ListAsync(new() { Namespace = space }, Stop);
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "one"), null, Stop);
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "two"), null, Stop);
        await cluster.Server.CompactAsync();
        ApiException error = await Assert.ThrowsAsync<ApiException>(async () =>
        {
            await foreach (WatchEvent<V1ConfigMap> change in maps.WatchAsync(new() { Namespace = space, ResourceVersion = list.ResourceVersion }, Stop)) Assert.Equal(WatchEventType.Opened, change.Type);
        });
        Assert.Equal(ApiFailure.Expired, error.Failure);
    }

    [Fact]
    public async Task AListWhoseNextPageIsForgottenIsBegunAnew()
    {
        using KubernetesClient client = cluster.Client();
        string space = await TestNamespaces.MakeAsync(client);
        IResourceClient<V1ConfigMap> maps = client.Resource(KnownResources.ConfigMaps);
        for (int i = 0; i < 6; i++) await maps.CreateAsync(TestNamespaces.ConfigMap(space, $"m{i}"), null, Stop);
        ResourcePage<V1ConfigMap> first = await maps.ListPageAsync(new() { Namespace = space, Limit = 2 }, Stop);
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "later"), null, Stop);
        await cluster.Server.CompactAsync();
        ApiException error = await Assert.ThrowsAsync<ApiException>(() => maps.ListPageAsync(new() { Namespace = space, Limit = 2, Continue = first.Continue }, Stop));
        Assert.Equal(ApiFailure.Expired, error.Failure);
        Assert.Equal(7, (await maps.ListAsync(new() { Namespace = space, Limit = 2 }, Stop)).Items.Count);
    }

    [Fact]
    public async Task WhatWentWhileItsDeletionWasForgottenIsToldAsGone()
    {
        using KubernetesClient client = cluster.Client();
        string space = await TestNamespaces.MakeAsync(client);
        await using var proxy = new CuttingProxy(cluster.Server.Port);
        using KubernetesClient through = cluster.Server.Client(port: proxy.Port);
        IResourceClient<V1ConfigMap> maps = client.Resource(KnownResources.ConfigMaps);
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "stays"), null, Stop);
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "goes"), null, Stop);
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "again"), null, Stop);
        await using Informer<V1ConfigMap> informer = Start(through, space, out RecordingHandler<V1ConfigMap> handler);
        await handler.UntilAsync("synced");

        proxy.Refuses = true;
        proxy.Cut();
        await maps.DeleteAsync(new(space, "goes"), null, Stop);
        await maps.DeleteAsync(new(space, "again"), null, Stop);
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "again"), null, Stop);
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "last"), null, Stop);
        await cluster.Server.CompactAsync();
        proxy.Refuses = false;

        Assert.Equal(["+again", "+last", "-again", "-goes"], (await handler.NextAsync(4)).Order(StringComparer.Ordinal));
        Assert.Equal(["again", "last", "stays"], informer.Cache.All().Select(m => m.Metadata.Name).Order(StringComparer.Ordinal));
        Assert.Contains(_logger.Lines, l => l.Contains("listed anew", StringComparison.Ordinal));
    }

    [Fact]
    public async Task ARestartOfTheServerIsSurvived()
    {
        using KubernetesClient client = cluster.Client();
        string space = await TestNamespaces.MakeAsync(client);
        IResourceClient<V1ConfigMap> maps = client.Resource(KnownResources.ConfigMaps);
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "one"), null, Stop);
        await using Informer<V1ConfigMap> informer = Start(client, space, out RecordingHandler<V1ConfigMap> handler);
        await handler.UntilAsync("synced");
        await cluster.Server.CrashAsync();
        try
        {
            await Soon.Holds("it is noticed", () => informer.State is { IsWatching: false, Error.Failure: ApiFailure.Unreachable });
            Assert.Equal(1, informer.Cache.Count);
            Assert.Equal(ApiFailure.Unreachable, (await Assert.ThrowsAsync<ApiException>(() => maps.GetAsync(new(space, "one"), Stop))).Failure);
        }
        finally
        {
            await cluster.Server.RestartAsync();
        }
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "two"), null, Stop);
        await handler.UntilAsync("+two");
        await Soon.Holds("it watches", () => informer.State is { IsWatching: true, Error: null });
        Assert.Equal(2, informer.Cache.Count);
    }

    private Informer<V1ConfigMap> Start(IKubernetesClient client, string space, out RecordingHandler<V1ConfigMap> handler)
    {
        var options = new InformerOptions<V1ConfigMap> { Reflector = new() { Namespace = space, FirstBackoff = TimeSpan.FromMilliseconds(50), LongestBackoff = TimeSpan.FromMilliseconds(500) } };
        var informer = new Informer<V1ConfigMap>(client.Resource(KnownResources.ConfigMaps), options, _metrics, TimeProvider.System, _logger);
        handler = new();
        informer.Subscribe(handler);
        informer.Start();
        return informer;
    }
}
