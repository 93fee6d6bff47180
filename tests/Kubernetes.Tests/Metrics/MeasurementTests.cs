using System.Diagnostics.Metrics;
using System.Globalization;
using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Informers;
using Culvert.Kubernetes.Leadership;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Leadership;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Kubernetes.Watches;
using Culvert.Kubernetes.WorkQueue;
using Culvert.Tests.Shared;
using k8s.Models;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Kubernetes.Tests.Metrics;

/// <summary>What is measured where it happens, instrument by instrument.</summary>
public sealed class MeasurementTests : IMeterFactory
{
    private readonly Lock _lock = new();
    private readonly List<(string Name, double Value, string Labels)> _measured = [];
    private readonly MeterListener _listener = new();
    private readonly ManualTime _time = new();
    private readonly KubernetesMetrics _metrics;
    private Meter? _meter;

    public MeasurementTests()
    {
        _listener.InstrumentPublished = (instrument, listener) =>
        {
            if (ReferenceEquals(instrument.Meter, _meter)) listener.EnableMeasurementEvents(instrument);
        };
        _listener.SetMeasurementEventCallback<long>((instrument, value, labels, _) => Note(instrument, value, labels));
        _listener.SetMeasurementEventCallback<double>((instrument, value, labels, _) => Note(instrument, value, labels));
        _listener.Start();
        _metrics = new(this);
    }

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public Meter Create(MeterOptions options) => _meter = new Meter(options);

    public void Dispose()
    {
        _listener.Dispose();
        _metrics.Dispose();
        _meter?.Dispose();
    }

    [Fact]
    public async Task RequestsBeyondTheLimitWaitAndThatIsMeasuredApartFromTheirAnswers()
    {
        int asked = 0;
        await using FakeApi server = await FakeApi.StartAsync(context =>
        {
            Interlocked.Increment(ref asked);
            return context.Response.WriteAsync(List("7"));
        });
        using KubernetesClient client = server.Client(new() { RequestsPerSecond = 0.5, Burst = 2, RequestTimeout = TimeSpan.FromDays(1) }, _time, _metrics);
        Task<ResourcePage<V1ConfigMap>> ListAsync() => client.Resource(KnownResources.ConfigMaps).ListAsync(new(), Stop);
        await Soon.Ends(ListAsync());
        await Soon.Ends(ListAsync());
        Task<ResourcePage<V1ConfigMap>> third = ListAsync();
        await _time.TimersAsync(1);
        _time.Advance(TimeSpan.FromMilliseconds(1999));
        Assert.Equal((2, 1), (Volatile.Read(ref asked), _time.Timers));
        _time.Advance(TimeSpan.FromMilliseconds(1));
        await Soon.Ends(third);
        Assert.Equal(3, asked);
        Assert.Equal(["0 ", "0 ", "2 "], Of("rate_limiter.wait"));
        Assert.Equal(Enumerable.Repeat("0 verb=list resource=configmaps", 3), Of("request.duration"));
    }

    [Fact]
    public async Task WatchesAreCountedWithTheirEventsAndEndsAndWhatCouldNotBeRead()
    {
        // What each watch says, after which it ends; the last one stays.
        string[] watches =
        [
            Event("ADDED", Map("a", "8")) + Event("BOOKMARK", """{"kind":"ConfigMap","apiVersion":"v1","metadata":{"resourceVersion":"9"} }"""),
            Event("ADDED", Map("b", "10", data: "5")) + Event("ERROR", """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"Expired","code":410}"""),
            Event("ERROR", """{"kind":"Status","apiVersion":"v1","status":"Failure","reason":"InternalError","code":500}"""),
        ];
        int watch = -1;
        await using FakeApi server = await FakeApi.StartAsync(async context =>
        {
            if (!context.Request.Query.ContainsKey("watch")) await context.Response.WriteAsync(List("7"));
            else if (Interlocked.Increment(ref watch) is var number && number < watches.Length) await context.Response.WriteAsync(watches[number]);
            else await Task.Delay(Timeout.Infinite, context.RequestAborted).ContinueWith(_ => { }, TaskScheduler.Default);
        });
        using KubernetesClient client = server.Client(metrics: _metrics);
        await using Informer<V1ConfigMap> informer = new(client.Resource(KnownResources.ConfigMaps), new() { Reflector = new() { FirstBackoff = TimeSpan.FromMilliseconds(1) } }, _metrics, TimeProvider.System, NullLogger.Instance);
        informer.Start();
        await Soon.Holds("all watches have been told", () => Volatile.Read(ref watch) == watches.Length, () => string.Join(", ", Of("watch.ends")));
        Assert.Equal(["1 resource=configmaps reason=timeout", "1 resource=configmaps reason=expired", "1 resource=configmaps reason=failed"], Of("watch.ends"));
        Assert.Equal(Enumerable.Repeat("1 resource=configmaps", 5), Of("watch.events"));
        Assert.Equal(Enumerable.Repeat("1 resource=configmaps", 2), Of("list.pages"));
        Assert.Equal(["1 resource=configmaps"], Of("objects.unreadable"));
    }

    [Fact]
    public async Task WhatHandlersHaveNotBeenToldAndWhereTheyFailIsCounted()
    {
        FakeClient<V1ConfigMap> client = new(KnownResources.ConfigMaps);
        await using Informer<V1ConfigMap> informer = new(client, new(), _metrics, TimeProvider.System, NullLogger.Instance);
        using SlowHandler handler = new();
        informer.Subscribe(handler);
        client.NextList("5", new V1ConfigMap { Metadata = new() { NamespaceProperty = "n", Name = "a", Uid = "a", ResourceVersion = "1" } });
        Channel<WatchEvent<V1ConfigMap>> watch = client.NextWatch();
        informer.Start();
        watch.Writer.TryWrite(new(WatchEventType.Deleted, "6", new V1ConfigMap { Metadata = new() { NamespaceProperty = "n", Name = "a", Uid = "a", ResourceVersion = "6" } }));

        // It is told of the first; that all have been read, and the deletion, wait.
        await Soon.Ends(handler.Begun.Task);
        await Soon.Holds("two changes wait", () => Sum("informer.lag") == 2, () => string.Join(", ", Of("informer.lag")));
        Assert.Empty(Of("informer.handler_failures"));
        handler.Release.Set();
        await Soon.Holds("nothing waits", () => Sum("informer.lag") == 0 && Of("informer.handler_failures").Length > 0);
        Assert.All(Of("informer.lag"), l => Assert.EndsWith("1 resource=configmaps", l, StringComparison.Ordinal));
        Assert.Equal(["1 resource=configmaps"], Of("informer.handler_failures"));
    }

    [Fact]
    public async Task AQueueSaysWhatWaitsHowLongAndHowItsWorkGoes()
    {
        using WorkQueue<string> queue = new("status", new(), _metrics, _time);
        queue.Add("a");
        queue.Add("a");
        queue.Add("b");
        queue.AddAfter("c", TimeSpan.FromHours(1));
        Assert.Equal(["1 queue=status", "1 queue=status"], Of("queue.adds"));
        Assert.Equal(2, Sum("queue.depth"));
        _time.Advance(TimeSpan.FromSeconds(3));
        Assert.Equal((true, "a"), await queue.TakeAsync(Stop));
        Assert.Equal(["3 queue=status"], Of("queue.age"));
        Assert.Equal(1, Sum("queue.depth"));
        Assert.Empty(Of("queue.work"));
        _time.Advance(TimeSpan.FromSeconds(2));
        queue.Done("a");
        Assert.Equal(["2 queue=status"], Of("queue.work"));
        Assert.Empty(Of("queue.retries"));
        queue.AddFailed("a");
        Assert.Equal(["1 queue=status"], Of("queue.retries"));
        Assert.Equal(1, Sum("queue.depth"));
        _time.Advance(TimeSpan.FromMinutes(1));
        Assert.Equal((3, 2), (Of("queue.adds").Length, Sum("queue.depth")));
    }

    [Fact]
    public async Task WhoLeadsSaysSoUntilItDoesNoMore()
    {
        LeaderElector elector = new(new FakeLeases().ViewOf(), new(new ResourceName("n", "l"), "a"), _metrics, _time, NullLogger<LeaderElector>.Instance);
        using CancellationTokenSource stop = CancellationTokenSource.CreateLinkedTokenSource(Stop);
        TaskCompletionSource leads = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Task run = elector.RunAsync(async token =>
        {
            leads.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, token).ContinueWith(_ => { }, TaskScheduler.Default);
        }, stop.Token);
        await Soon.Ends(leads.Task);
        Assert.Equal(["1 lease=n/l"], Of("leading"));
        await stop.CancelAsync();
        await Soon.Ends(run);
        Assert.Equal(["1 lease=n/l", "-1 lease=n/l"], Of("leading"));
    }

    private static string List(string version) => $$"""{"kind":"ConfigMapList","apiVersion":"v1","metadata":{"resourceVersion":"{{version}}"},"items":[]}""";

    private static string Map(string name, string version, string data = "null") =>
        $$"""{"kind":"ConfigMap","apiVersion":"v1","metadata":{"namespace":"n","name":"{{name}}","uid":"{{name}}","resourceVersion":"{{version}}"},"data":{{data}}}""";

    private static string Event(string type, string item) => $$"""{"type":"{{type}}","object":{{item}}}""" + "\n";

    private string[] Of(string name)
    {
        lock (_lock) return [.. _measured.Where(m => m.Name == $"culvert.kubernetes.{name}").Select(m => string.Create(CultureInfo.InvariantCulture, $"{m.Value} {m.Labels}"))];
    }

    private double Sum(string name)
    {
        lock (_lock) return _measured.Where(m => m.Name == $"culvert.kubernetes.{name}").Sum(m => m.Value);
    }

    private void Note(Instrument instrument, double value, ReadOnlySpan<KeyValuePair<string, object?>> labels)
    {
        string text = string.Join(' ', labels.ToArray().Select(l => $"{l.Key}={l.Value}"));
        lock (_lock) _measured.Add((instrument.Name, value, text));
    }

    // Waits in the first call, and then fails it.
    private sealed class SlowHandler : IResourceHandler<V1ConfigMap>, IDisposable
    {
        internal TaskCompletionSource Begun { get; } = new(TaskCreationOptions.RunContinuationsAsynchronously);

        internal ManualResetEventSlim Release { get; } = new();

        public void Added(V1ConfigMap item)
        {
            Begun.SetResult();
            Release.Wait();
            throw new InvalidOperationException("a bug");
        }

        public void Updated(V1ConfigMap before, V1ConfigMap item)
        {
        }

        public void Deleted(V1ConfigMap item)
        {
        }

        public void Dispose() => Release.Dispose();
    }
}
