using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Informers;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Kubernetes.Watches;
using k8s;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Informers;

/// <summary>Caches, indexes and handlers.</summary>
public sealed class InformerTests : IAsyncDisposable
{
    private readonly FakeClient<V1ConfigMap> _client = new(KnownResources.ConfigMaps);
    private readonly KubernetesMetrics _metrics = new();
    private readonly RecordingLogger<InformerSet> _logger = new();
    private readonly Informer<V1ConfigMap> _informer;

    public InformerTests() => _informer = new(_client, new()
    {
        Indexes = new Dictionary<string, Func<V1ConfigMap, IEnumerable<string>>>(StringComparer.Ordinal)
        {
            ["app"] = m => m.Metadata.Labels.TryGetValue("app", out string? app) ? [app] : [],
            ["broken"] = m => m.Metadata.Name == "b" ? throw new InvalidOperationException("index") : ["x"],
        },
    }, _metrics, TimeProvider.System, _logger);

    public async ValueTask DisposeAsync()
    {
        await _informer.DisposeAsync();
        _metrics.Dispose();
    }

    [Fact]
    public async Task ManyHandlersShareOneWatch()
    {
        RecordingHandler<V1ConfigMap> first = new(), second = new(), late = new();
        _informer.Subscribe(first);
        using IDisposable ended = _informer.Subscribe(second);
        Channel<WatchEvent<V1ConfigMap>> watch = await StartAsync(Map("a", "1"));
        Assert.Equal(["+a", "synced"], await first.NextAsync(2));
        Assert.Equal(["+a", "synced"], await second.NextAsync(2));
        ended.Dispose();
        watch.Writer.TryWrite(new(WatchEventType.Modified, "6", Map("a", "6")));
        Assert.Equal("~a", await first.NextAsync());
        _informer.Subscribe(late);
        Assert.Equal(["+a", "synced"], await late.NextAsync(2));
        watch.Writer.TryWrite(new(WatchEventType.Deleted, "7", Map("a", "7")));
        Assert.Equal("-a", await late.NextAsync());
        Assert.Equal("-a", await first.NextAsync());
        Assert.Equal(0, _informer.Cache.Count);
    }

    [Fact]
    public async Task IndexesFollowChanges()
    {
        var handler = new RecordingHandler<V1ConfigMap>();
        _informer.Subscribe(handler);
        Channel<WatchEvent<V1ConfigMap>> watch = await StartAsync(Map("a", "1", "x"), Map("b", "2", "x"), Map("c", "3"));
        await handler.UntilAsync("synced");
        Assert.Equal(["a", "b"], Names("x"));
        watch.Writer.TryWrite(new(WatchEventType.Modified, "6", Map("a", "6", "y")));
        watch.Writer.TryWrite(new(WatchEventType.Deleted, "7", Map("b", "7", "x")));
        await handler.UntilAsync("-b");
        Assert.Empty(Names("x"));
        Assert.Equal(["a"], Names("y"));
        Assert.Throws<ArgumentException>(() => _informer.Cache.FindBy("none", "x"));
        // The function that throws costs its own index only.
        Assert.Equal(2, _informer.Cache.FindBy("broken", "x").Count);
        Assert.Contains(_logger.Lines, l => l.Contains("InvalidOperationException: index", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AHandlerThatFailsOrIsSlowKeepsNobodyWaiting()
    {
        var release = new TaskCompletionSource();
        var good = new RecordingHandler<V1ConfigMap>();
        var failing = new FailingHandler();
        _informer.Subscribe(failing);
        _informer.Subscribe(new SlowHandler(release.Task));
        _informer.Subscribe(good);
        Channel<WatchEvent<V1ConfigMap>> watch = await StartAsync(Map("a", "1"));
        watch.Writer.TryWrite(new(WatchEventType.Modified, "6", Map("a", "6")));
        Assert.Equal(["+a", "synced", "~a"], await good.NextAsync(3));
        await Soon.Ends(failing.Updates.Task);
        Assert.Contains(_logger.Lines, l => l.Contains("A handler of configmaps failed", StringComparison.Ordinal));
        release.SetResult();
    }

    [Fact]
    public async Task AnObjectThatCanNoLongerBeReadStaysAsItWas()
    {
        var handler = new RecordingHandler<V1ConfigMap>();
        _informer.Subscribe(handler);
        Channel<WatchEvent<V1ConfigMap>> watch = await StartAsync(Map("a", "1"));
        await handler.UntilAsync("synced");
        watch.Writer.TryWrite(new(WatchEventType.Modified, "6", null, new(Map("a", "6").Metadata, "spec")));
        Assert.Equal("?a", await handler.NextAsync());
        Assert.Equal("1", _informer.Cache.Find(new("n", "a"))!.Metadata.ResourceVersion);
        // A new list of which it is no readable part does not delete it either.
        _client.NextList(() => new() { Items = [], Unreadable = [new(Map("a", "9").Metadata, "spec")], ResourceVersion = "10" });
        _client.NextWatch();
        watch.Writer.TryComplete(new Kubernetes.Errors.ApiException(Kubernetes.Errors.ApiFailure.Expired, "too old"));
        Assert.Equal("?a", await handler.NextAsync());
        Assert.Equal(1, _informer.Cache.Count);
    }

    [Fact]
    public async Task ASetHasOneInformerForEachKind()
    {
        await using var set = new InformerSet(new OneKind(_client), _metrics, TimeProvider.System, _logger);
        IInformer<V1ConfigMap> informer = set.Of(KnownResources.ConfigMaps, new());
        Assert.Same(informer, set.Of(KnownResources.ConfigMaps));
        Assert.Throws<InvalidOperationException>(() => set.Of(KnownResources.ConfigMaps, new()));
        set.Start();
        _client.NextList("5", Map("a", "1"));
        await Soon.Ends(set.WaitForSyncAsync(TestContext.Current.CancellationToken));
        Assert.Equal(1, informer.Cache.Count);
    }

    private async Task<Channel<WatchEvent<V1ConfigMap>>> StartAsync(params V1ConfigMap[] items)
    {
        _client.NextList("5", items);
        Channel<WatchEvent<V1ConfigMap>> watch = _client.NextWatch();
        _informer.Start();
        await Soon.Ends(_informer.WaitForSyncAsync(TestContext.Current.CancellationToken));
        return watch;
    }

    private IEnumerable<string?> Names(string app) => _informer.Cache.FindBy("app", app).Select(m => m.Metadata.Name).Order(StringComparer.Ordinal);

    private static V1ConfigMap Map(string name, string version, string? app = null) => new()
    {
        Metadata = new() { NamespaceProperty = "n", Name = name, Uid = name, ResourceVersion = version, Labels = app is null ? new Dictionary<string, string>() : new Dictionary<string, string> { ["app"] = app } },
    };

    private sealed class OneKind(object resource) : IKubernetesClient
    {
        public IResourceClient<T> Resource<T>(ResourceType<T> type)
            where T : class, IKubernetesObject<V1ObjectMeta> => (IResourceClient<T>)resource;
    }

    private sealed class FailingHandler : IResourceHandler<V1ConfigMap>
    {
        internal TaskCompletionSource Updates { get; } = new();

        public void Added(V1ConfigMap item) => throw new InvalidOperationException("a bug");

        public void Updated(V1ConfigMap before, V1ConfigMap item) => Updates.SetResult();

        public void Deleted(V1ConfigMap item)
        {
        }
    }

    private sealed class SlowHandler(Task release) : IResourceHandler<V1ConfigMap>
    {
        public void Added(V1ConfigMap item) => release.Wait();

        public void Updated(V1ConfigMap before, V1ConfigMap item)
        {
        }

        public void Deleted(V1ConfigMap item)
        {
        }
    }
}
