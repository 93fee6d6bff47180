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

/// <summary>Watches of a real API server.</summary>
public sealed class WatchTests(SharedCluster cluster) : IDisposable
{
    private readonly KubernetesMetrics _metrics = new();
    private readonly RecordingLogger<InformerSet> _logger = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public async Task ChangesAreToldAsTheyHappen()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        ResourcePage<V1ConfigMap> list = await maps.ListAsync(new() { Namespace = space }, Stop);
        await using IAsyncEnumerator<WatchEvent<V1ConfigMap>> watch = maps.WatchAsync(new() { Namespace = space, ResourceVersion = list.ResourceVersion }, Stop).GetAsyncEnumerator(Stop);
        Assert.Equal(WatchEventType.Opened, (await NextAsync(watch)).Type);
        V1ConfigMap made = await maps.CreateAsync(TestNamespaces.ConfigMap(space, "one"), null, Stop);
        WatchEvent<V1ConfigMap> added = await NextAsync(watch);
        Assert.Equal((WatchEventType.Added, made.Metadata.ResourceVersion), (added.Type, added.ResourceVersion));
        await maps.UpdateAsync(made with { Data = new Dictionary<string, string> { ["a"] = "b" } }, null, Stop);
        Assert.Equal("b", (await NextAsync(watch)).Item!.Data["a"]);
        await maps.DeleteAsync(new(space, "one"), null, Stop);
        Assert.Equal(WatchEventType.Deleted, (await NextAsync(watch)).Type);
    }

    [Fact]
    public async Task TheServerEndsAWatchAfterItsTimeAndMarksWhereItStood()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        ResourcePage<V1ConfigMap> list = await maps.ListAsync(new() { Namespace = space }, Stop);
        var seen = new List<WatchEventType>();
        await foreach (WatchEvent<V1ConfigMap> change in maps.WatchAsync(new() { Namespace = space, ResourceVersion = list.ResourceVersion, Timeout = TimeSpan.FromSeconds(3) }, Stop)) seen.Add(change.Type);
        Assert.Equal(WatchEventType.Opened, seen[0]);
        // Bookmarks come when the server likes; a second before the end as a rule.
        Assert.All(seen.Skip(1), t => Assert.Equal(WatchEventType.Bookmark, t));
    }

    [Fact]
    public async Task ABrokenWatchMissesNothing()
    {
        string space = await cluster.NamespaceAsync();
        await using var proxy = new CuttingProxy(cluster.Server.Port);
        using KubernetesClient through = cluster.Server.Client(port: proxy.Port);
        await using Informer<V1ConfigMap> informer = Start(through, space, out RecordingHandler<V1ConfigMap> handler);
        await handler.UntilAsync("synced");
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        for (int i = 0; i < 5; i++)
        {
            await maps.CreateAsync(TestNamespaces.ConfigMap(space, $"before{i}"), null, Stop);
            proxy.Refuses = i % 2 == 1;
            proxy.Cut();
            await maps.CreateAsync(TestNamespaces.ConfigMap(space, $"while{i}"), null, Stop);
            await maps.DeleteAsync(new(space, $"before{i}"), null, Stop);
            proxy.Refuses = false;
            await handler.UntilAsync($"-before{i}");
        }
        Assert.Equal(5, informer.Cache.Count);
        // It went on where it stood: nothing was listed anew.
        Assert.DoesNotContain(_logger.Lines, l => l.Contains("listed anew", StringComparison.Ordinal));
        Assert.Contains(_logger.Lines, l => l.Contains("up to date again", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AConnectionThatIsSilentlyDeadIsNoticed()
    {
        string space = await cluster.NamespaceAsync();
        await using var proxy = new CuttingProxy(cluster.Server.Port);
        KubernetesClientOptions options = ApiServer.Unlimited with { PingDelay = TimeSpan.FromSeconds(1), PingTimeout = TimeSpan.FromSeconds(2) };
        using KubernetesClient through = cluster.Server.Client(options: options, port: proxy.Port);
        await using Informer<V1ConfigMap> informer = Start(through, space, out RecordingHandler<V1ConfigMap> handler);
        await handler.UntilAsync("synced");
        await Soon.Holds("it watches", () => informer.State.IsWatching);
        proxy.FallSilent();
        await cluster.Admin.Resource(KnownResources.ConfigMaps).CreateAsync(TestNamespaces.ConfigMap(space, "one"), null, Stop);
        await handler.UntilAsync("+one");
        Assert.True(proxy.Accepted > 1);
    }

    [Fact]
    public async Task WhoMayNotWatchIsToldAndLooksAgain()
    {
        string space = await cluster.NamespaceAsync();
        using KubernetesClient reader = cluster.Server.Client(ApiServer.ReaderToken);
        await using Informer<V1ConfigMap> informer = Start(reader, space, out RecordingHandler<V1ConfigMap> handler);
        await Soon.Holds("it is told", () => informer.State.Error?.Failure == ApiFailure.Forbidden);
        Assert.False(informer.State.IsSynced);
        await cluster.Server.KubectlAsync("", "create", "role", "reader", "-n", space, "--verb=list,watch", "--resource=configmaps");
        await cluster.Server.KubectlAsync("", "create", "rolebinding", "reader", "-n", space, "--role=reader", "--group=readers");
        await handler.UntilAsync("synced");
        await Soon.Holds("it watches", () => informer.State is { IsSynced: true, IsWatching: true, Error: null });
    }

    [Fact]
    public async Task ManyObjectsAreAllThere()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        await using Informer<V1ConfigMap> informer = Start(cluster.Admin, space, out RecordingHandler<V1ConfigMap> handler);
        await handler.UntilAsync("synced");
        await Parallel.ForEachAsync(Enumerable.Range(0, 400), new ParallelOptions { MaxDegreeOfParallelism = 8, CancellationToken = Stop },
            async (i, stop) => await maps.CreateAsync(TestNamespaces.ConfigMap(space, $"m{i}", new string('x', 2000)), null, stop));
        await handler.NextAsync(400);
        Assert.Equal(400, informer.Cache.Count);
        await using Informer<V1ConfigMap> second = Start(cluster.Admin, space, out RecordingHandler<V1ConfigMap> other);
        Assert.Equal(400, (await other.NextAsync(401)).Distinct().Count(t => t != "synced"));
    }

    private Informer<V1ConfigMap> Start(IKubernetesClient client, string space, out RecordingHandler<V1ConfigMap> handler)
    {
        var options = new InformerOptions<V1ConfigMap> { Reflector = new() { Namespace = space, PageSize = 100, FirstBackoff = TimeSpan.FromMilliseconds(50), LongestBackoff = TimeSpan.FromMilliseconds(500) } };
        var informer = new Informer<V1ConfigMap>(client.Resource(KnownResources.ConfigMaps), options, _metrics, TimeProvider.System, _logger);
        handler = new();
        informer.Subscribe(handler);
        informer.Start();
        return informer;
    }

    private static async Task<WatchEvent<V1ConfigMap>> NextAsync(IAsyncEnumerator<WatchEvent<V1ConfigMap>> watch)
    {
        do Assert.True(await Soon.Ends(watch.MoveNextAsync().AsTask()));
        while (watch.Current.Type == WatchEventType.Bookmark);
        return watch.Current;
    }
}
