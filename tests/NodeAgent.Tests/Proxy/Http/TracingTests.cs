using System.Collections.Concurrent;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Tests.Telemetry;
using Culvert.NodeAgent.Tests.Telemetry.Requests;
using Culvert.NodeAgent.Tests.Telemetry.Tracing;
using Culvert.Protocol.OpenTelemetry;
using Google.Protobuf;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>Traces of requests through both proxies: what servers are told, and the spans that a collector gets.</summary>
public sealed class TracingTests
{
    private const string Trace = "4bf92f3577b34da6a3ce929d0e0e4736";
    private const string Parent = "00f067aa0ba902b7";

    public static TheoryData<HttpProtocols, HttpProtocols> Versions => RoutingTests.Versions;

    private static HttpRouteRule To(string server) => RoutingLab.Below("/", (server, 1));

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task EachHopIsASpanWhoseParentIsTheOneBefore(HttpProtocols client, HttpProtocols servers)
    {
        await using TestCollector collector = await TestCollector.StartAsync();
        await using Mesh mesh = new(client, servers, new TracingSettings { Mode = TracingMode.Enabled, SamplingPercent = 0, Endpoint = collector.Endpoint });
        await mesh.AddServerAsync();
        mesh.Lab.Route(To("web"));
        using HttpRequestMessage request = mesh.Lab.Request(HttpMethod.Get, "/a?b=secret");
        request.Headers.Add("traceparent", $"00-{Trace}-{Parent}-01");
        request.Headers.Add("tracestate", "a=1");
        using HttpResponseMessage response = await mesh.Lab.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);

        (Resource Resource, Span Span)[] spans = await collector.SpansAsync(2);
        (Resource Resource, Span Span) first = spans.Single(s => s.Span.Kind == SpanKind.Client), second = spans.Single(s => s.Span.Kind == SpanKind.Server);
        Assert.All(spans, s => Assert.Equal((Trace, "GET", null), (Id(s.Span.TraceId), s.Span.Name, s.Span.Status)));
        Assert.Equal((Parent, Id(first.Span.SpanId)), (Id(first.Span.ParentSpanId), Id(second.Span.ParentSpanId)));
        IHeaderDictionary seen = mesh.Seen.Single();
        Assert.Equal(($"00-{Trace}-{Id(second.Span.SpanId)}-01", "a=1"), (seen["traceparent"].ToString(), seen["tracestate"].ToString()));
        Assert.Equal(("alice", "bob"), (Text(first.Resource.Attributes, "service.name"), Text(second.Resource.Attributes, "service.name")));
        Assert.Equal((200L, 200L), (Number(first.Span, "http.response.status_code"), Number(second.Span, "http.response.status_code")));
        Assert.Equal(("http://shop/a", "/a"), (Text(first.Span.Attributes, "url.full"), Text(second.Span.Attributes, "url.path")));
        Assert.Equal((mesh.Lab.Pair.DestinationAddress.ToString(), (long)mesh.Lab.PortOf("web")), (Text(first.Span.Attributes, "network.peer.address"), Number(first.Span, "network.peer.port")));
        Assert.Equal("shop", Text(second.Span.Attributes, "server.address"));
        Assert.All(spans, s => Assert.InRange(s.Span.EndTimeUnixNano, s.Span.StartTimeUnixNano, s.Span.StartTimeUnixNano + 60_000_000_000ul));
        Assert.DoesNotContain("secret", string.Concat(spans.Select(s => s.Span.ToString())), StringComparison.Ordinal);
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task EachTryIsASpanOfTheSameParent(HttpProtocols client, HttpProtocols servers)
    {
        await using TestCollector collector = await TestCollector.StartAsync();
        await using Mesh mesh = new(client, servers, new TracingSettings { Mode = TracingMode.Enabled, Endpoint = collector.Endpoint }, onlySource: true);
        await mesh.AddServerAsync(503);
        mesh.Lab.Route(To("web") with { Retry = new HttpRouteRetry(2, [503]) });
        using HttpRequestMessage request = mesh.Lab.Request(HttpMethod.Get, "/");
        request.Headers.Add("traceparent", $"00-{Trace}-{Parent}-01");
        using HttpResponseMessage response = await mesh.Lab.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.ServiceUnavailable, response.StatusCode);

        Span[] spans = [.. (await collector.SpansAsync(3)).Select(s => s.Span).OrderBy(s => s.StartTimeUnixNano)];
        Assert.All(spans, s => Assert.Equal((Parent, StatusCode.Error, "503", 503L), (Id(s.ParentSpanId), s.Status.Code, Text(s.Attributes, "error.type"), Number(s, "http.response.status_code"))));
        Assert.Equal([null, 1L, 2L], spans.Select(s => Number(s, "http.request.resend_count")));
        Assert.Equal(spans.Select(s => $"00-{Trace}-{Id(s.SpanId)}-01"), mesh.Seen.Select(h => h["traceparent"].ToString()));
        Assert.Equal(3, spans.Select(s => s.SpanId).Distinct().Count());
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task AHedgeIsASpanBesideThatOfTheTryThatItWinsOver(HttpProtocols client, HttpProtocols servers)
    {
        await using TestCollector collector = await TestCollector.StartAsync();
        using HeldServer slow = new("slow");
        await using Mesh mesh = new(client, servers, new TracingSettings { Mode = TracingMode.Enabled, Endpoint = collector.Endpoint }, onlySource: true);
        await mesh.Lab.AddServerAsync("slow", slow.ServeAsync);
        await mesh.AddServerAsync();
        mesh.Lab.Group("shop", new Culvert.Core.RequestSettings { Policy = new("b", "calm"), Hedging = new RequestHedging(TimeSpan.FromMilliseconds(30)) }, "slow", "web");
        mesh.Lab.Route(To("shop"));
        using HttpRequestMessage request = mesh.Lab.Request(HttpMethod.Get, "/");
        request.Headers.Add("traceparent", $"00-{Trace}-{Parent}-01");
        using HttpResponseMessage response = await mesh.Lab.Client.SendAsync(request);
        Assert.Equal(HttpStatusCode.OK, response.StatusCode);

        Span[] spans = [.. (await collector.SpansAsync(2)).Select(s => s.Span).OrderBy(s => s.StartTimeUnixNano)];
        Assert.All(spans, s => Assert.Equal((Parent, false), (Id(s.ParentSpanId), s.Status?.Code == StatusCode.Error)));
        Assert.Equal([("lost", null), (null, (long?)200)], spans.Select(s => (Text(s.Attributes, "culvert.hedging"), Number(s, "http.response.status_code"))));
        Assert.Equal([(long)mesh.Lab.PortOf("slow"), mesh.Lab.PortOf("web")], spans.Select(s => Number(s, "network.peer.port")!.Value));
        Assert.Equal($"00-{Trace}-{Id(spans[1].SpanId)}-01", mesh.Seen.Single()["traceparent"].ToString());
        Assert.True(spans[1].StartTimeUnixNano < spans[0].EndTimeUnixNano);
    }

    [Theory]
    [InlineData("0", null, null)]
    [InlineData("5", "NOT_FOUND", null)] // the client's own doing
    [InlineData("14", "UNAVAILABLE", "UNAVAILABLE")]
    public async Task CallsOfGrpcHaveTheirStatus(string status, string? ofClient, string? ofServer)
    {
        await using TestCollector collector = await TestCollector.StartAsync();
        await using Mesh mesh = new(HttpProtocols.Http2, HttpProtocols.Http2, new TracingSettings { Mode = TracingMode.Enabled, SamplingPercent = 100, Endpoint = collector.Endpoint });
        await mesh.Lab.AddGrpcServerAsync("web");
        mesh.Lab.Route(To("web"));
        using HttpRequestMessage call = mesh.Lab.Call(status);
        using HttpResponseMessage response = await mesh.Lab.Client.SendAsync(call);
        foreach ((_, Span span) in await collector.SpansAsync(2))
        {
            string? error = span.Kind == SpanKind.Client ? ofClient : ofServer;
            Assert.Equal((long.Parse(status, null), 200L), (Number(span, "rpc.grpc.status_code"), Number(span, "http.response.status_code")));
            Assert.Equal((error is not null, error), (span.Status?.Code == StatusCode.Error, Text(span.Attributes, "error.type")));
        }
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ATraceBeginsWhereThereIsNone(HttpProtocols client, HttpProtocols servers)
    {
        await using TestCollector collector = await TestCollector.StartAsync();
        await using Mesh mesh = new(client, servers, new TracingSettings { Mode = TracingMode.Enabled, SamplingPercent = 100, Endpoint = collector.Endpoint });
        await mesh.AddServerAsync();
        mesh.Lab.Route(To("web"));
        using HttpRequestMessage request = mesh.Lab.Request(HttpMethod.Post, "/");
        request.Content = new ByteArrayContent(new byte[100_000]);
        request.Headers.Add("traceparent", "00-what");
        request.Headers.Add("tracestate", "a=1");
        using HttpResponseMessage response = await mesh.Lab.Client.SendAsync(request);

        (Resource Resource, Span Span)[] spans = await collector.SpansAsync(2);
        Span first = spans.Single(s => s.Span.Kind == SpanKind.Client).Span, second = spans.Single(s => s.Span.Kind == SpanKind.Server).Span;
        Assert.True(first.ParentSpanId.IsEmpty);
        Assert.Equal((first.TraceId, first.SpanId), (second.TraceId, second.ParentSpanId));
        IHeaderDictionary seen = mesh.Seen.Single();
        Assert.Equal($"00-{Id(first.TraceId)}-{Id(second.SpanId)}-01", seen["traceparent"].ToString());
        Assert.False(seen.ContainsKey("tracestate"));
        Assert.Equal(100_000L, Number(first, "http.request.body.size"));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task B3IsSpokenWithWhoSpeaksIt(HttpProtocols client, HttpProtocols servers)
    {
        await using Mesh mesh = new(client, servers, new TracingSettings { Mode = TracingMode.Enabled, SamplingPercent = 100 }, onlySource: true);
        await mesh.AddServerAsync();
        mesh.Lab.Route(To("web"));
        foreach (string form in (string[])["b3", "x-b3-traceid"])
        {
            using HttpRequestMessage request = mesh.Lab.Request(HttpMethod.Get, "/");
            request.Headers.Add(form, form == "b3" ? $"{Trace}-{Parent}-0" : Trace);
            if (form != "b3") request.Headers.Add("x-b3-spanid", Parent);
            using HttpResponseMessage response = await mesh.Lab.Client.SendAsync(request);
        }

        IHeaderDictionary[] seen = [.. mesh.Seen];
        Assert.Matches($"^{Trace}-[0-9a-f]{{16}}-0-{Parent}$", seen[0]["b3"].ToString());
        Assert.Equal((Trace, Parent, "1"), (seen[1]["x-b3-traceid"].ToString(), seen[1]["x-b3-parentspanid"].ToString(), seen[1]["x-b3-sampled"].ToString())); // nobody had decided
        Assert.Matches("^[0-9a-f]{16}$", seen[1]["x-b3-spanid"].ToString());
        Assert.All(seen, h => Assert.False(h.ContainsKey("traceparent")));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task WithoutTracingNothingOfItIsTouched(HttpProtocols client, HttpProtocols servers)
    {
        await using Mesh mesh = new(client, servers, new TracingSettings());
        await mesh.AddServerAsync();
        mesh.Lab.Route(To("web"));
        (string Name, string Value)[] fields = [("traceparent", "00-what"), ("tracestate", "A"), ("b3", $"{Trace}-{Parent}-1"), ("x-b3-sampled", "maybe")];
        using HttpRequestMessage request = mesh.Lab.Request(HttpMethod.Get, "/");
        foreach ((string name, string value) in fields) request.Headers.Add(name, value);
        using HttpResponseMessage response = await mesh.Lab.Client.SendAsync(request);
        Assert.Equal(fields, fields.Select(f => (f.Name, mesh.Seen.Single()[f.Name].ToString())));
    }

    [Theory]
    [MemberData(nameof(Versions))]
    public async Task ARecordedTraceIsAnExampleOfItsBucketInOpenMetrics(HttpProtocols client, HttpProtocols servers)
    {
        await using Mesh mesh = new(client, servers, new TracingSettings { Mode = TracingMode.Enabled, SamplingPercent = 0 });
        await mesh.AddServerAsync();
        mesh.Lab.Route(To("web"));
        await mesh.Lab.GetAsync("/");
        Assert.DoesNotContain(" # {", mesh.Metrics(openMetrics: true), StringComparison.Ordinal);
        using HttpRequestMessage request = mesh.Lab.Request(HttpMethod.Get, "/");
        request.Headers.Add("traceparent", $"00-{Trace}-{Parent}-01");
        using HttpResponseMessage response = await mesh.Lab.Client.SendAsync(request);
        await mesh.Lab.UntilAsync(() => mesh.Metrics(openMetrics: true).Contains(" # {", StringComparison.Ordinal));
        string line = mesh.Metrics(openMetrics: true).Split('\n').Single(l => l.Contains(" # {", StringComparison.Ordinal));
        Assert.Matches($"^culvert_http_request_duration_seconds_bucket{{.*le=\"[^\"]+\"}} [12] # {{trace_id=\"{Trace}\",span_id=\"[0-9a-f]{{16}}\"}} [0-9.e-]+ [0-9]+\\.[0-9]+$", line);
        Assert.DoesNotContain(" # {", mesh.Metrics(openMetrics: false), StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAnswerOfTheProxyIsASpanWithTheReason()
    {
        await using TestCollector collector = await TestCollector.StartAsync();
        await using Mesh mesh = new(HttpProtocols.Http1, HttpProtocols.Http1, new TracingSettings { Mode = TracingMode.Enabled, SamplingPercent = 100, Endpoint = collector.Endpoint });
        mesh.Lab.Route(RoutingLab.Below("/api", ("web", 1)));
        Assert.Equal(HttpStatusCode.NotFound, (await mesh.Lab.Client.GetAsync(new Uri("/", UriKind.Relative))).StatusCode);
        Span span = (await collector.SpansAsync(1))[0].Span;
        Assert.Equal((SpanKind.Client, StatusCode.Error, "destination_not_found"), (span.Kind, span.Status.Code, Text(span.Attributes, "error.type")));
        Assert.StartsWith("no rule of the routes", span.Status.Message, StringComparison.Ordinal);
    }

    private static string Id(ByteString id) => Convert.ToHexStringLower(id.Span);

    private static string? Text(IEnumerable<KeyValue> attributes, string key) => attributes.SingleOrDefault(a => a.Key == key)?.Value.StringValue;

    private static long? Number(Span span, string key) => span.Attributes.SingleOrDefault(a => a.Key == key)?.Value.IntValue;

    private sealed class Mesh : IAsyncDisposable
    {
        private readonly RequestLab _source;
        private readonly RequestLab? _destination;
        private readonly CancellationTokenSource _stop = new();
        private readonly Task[] _sending;

        internal Mesh(HttpProtocols client, HttpProtocols servers, TracingSettings tracing, bool onlySource = false)
        {
            Lab = new RoutingLab(client, servers);
            _source = new RequestLab(tracing: tracing);
            _destination = onlySource ? null : new RequestLab(tracing: tracing);
            Lab.Pair.Source.RequestObserver = _source.Observe;
            Lab.Pair.Destination.RequestObserver = _destination is null ? null : _destination.Observe;
            _sending = [_source.Spans.RunAsync(_stop.Token), _destination?.Spans.RunAsync(_stop.Token) ?? Task.CompletedTask];
        }

        internal RoutingLab Lab { get; }

        /// <summary>The heads of the requests that the server has had.</summary>
        internal ConcurrentQueue<IHeaderDictionary> Seen { get; } = [];

        /// <summary>The metrics of the client's node.</summary>
        internal string Metrics(bool openMetrics) => _source.Registry.Render(openMetrics);

        internal Task AddServerAsync(int status = 200) => Lab.AddServerAsync("web", async context =>
        {
            HeaderDictionary head = [];
            foreach (var field in context.Request.Headers) head[field.Key] = field.Value;
            Seen.Enqueue(head);
            await context.Request.Body.CopyToAsync(Stream.Null);
            context.Response.StatusCode = status;
            await context.Response.WriteAsync("here");
        });

        public async ValueTask DisposeAsync()
        {
            await Lab.DisposeAsync();
            await _stop.CancelAsync();
            await Task.WhenAll(_sending).ContinueWith(static _ => { }, TaskScheduler.Default);
            _source.Dispose();
            _destination?.Dispose();
            _stop.Dispose();
        }
    }
}
