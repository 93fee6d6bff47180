using System.Globalization;
using System.Net;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Telemetry.Tracing;
using Culvert.NodeAgent.Tests.Telemetry.Requests;

namespace Culvert.NodeAgent.Tests.Telemetry.Tracing;

/// <summary>Spans on their way to a collector, be it there or not.</summary>
public sealed class SpanExporterTests
{
    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task SpansWaitForACollectorThatIsAwayForAWhile(bool isGrpc)
    {
        await using TestCollector collector = await TestCollector.StartAsync(isGrpc);
        collector.Status = 503;
        await using Sending sending = new(collector.Endpoint);
        sending.Add(3);
        for (int i = 0; i < 500 && Volatile.Read(ref collector.Asked) == 0; i++) await Task.Delay(10);
        collector.Status = 200;
        await collector.SpansAsync(3);
        await sending.UntilAsync("sent", 3);
        Assert.Equal((0, 0, 0), (sending.Count("queue-full"), sending.Count("refused"), sending.Count("not-sent")));
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhatACollectorRefusesIsCountedAndNotSentAgain(bool isGrpc)
    {
        await using TestCollector collector = await TestCollector.StartAsync(isGrpc);
        collector.Status = 400;
        await using Sending sending = new(collector.Endpoint);
        sending.Add(3);
        await sending.UntilAsync("refused", 3);
        collector.Status = 200;
        sending.Add(2);
        await collector.SpansAsync(2);
    }

    [Fact]
    public async Task SpansFollowTheSettingsFromACollectorOfHttpToOneOfGrpcAndBack()
    {
        await using TestCollector http = await TestCollector.StartAsync(), grpc = await TestCollector.StartAsync(isGrpc: true);
        await using Sending sending = new(http.Endpoint);
        sending.Add(1);
        await http.SpansAsync(1);
        sending.Lab.Telemetry.Use(new MeshSettings { Tracing = Settings(grpc) });
        sending.Add(1);
        await grpc.SpansAsync(1);
        sending.Lab.Telemetry.Use(new MeshSettings { Tracing = Settings(http) });
        sending.Add(1);
        await http.SpansAsync(2);

        static TracingSettings Settings(TestCollector to) => new() { Mode = TracingMode.Enabled, SamplingPercent = 100, Endpoint = to.Endpoint };
    }

    [Fact]
    public async Task WhileNobodyIsThereWhatDoesNotFitIsCounted()
    {
        await using Sending sending = new("http://127.0.0.1:1");
        sending.Add(SpanExporter.MostWaiting * 2);
        for (int i = 0; i < 500 && sending.Count("queue-full") == 0; i++) await Task.Delay(10);
        Assert.InRange(sending.Count("queue-full"), 1, SpanExporter.MostWaiting * 2);
        Assert.Equal(0, sending.Count("sent"));
    }

    [Fact]
    public async Task WhatWaitsAtTheEndIsSentOnce()
    {
        await using TestCollector collector = await TestCollector.StartAsync(isGrpc: false);
        await using (Sending sending = new(collector.Endpoint))
        {
            sending.Add(5);
            await sending.WaitingAsync();
        }

        await collector.SpansAsync(5);
    }

    [Fact]
    public async Task WhereSettingsNameNoCollectorAnyMoreWhatWaitsIsGivenUp()
    {
        await using Sending sending = new("http://127.0.0.1:1");
        sending.Add(3);
        await sending.WaitingAsync();
        sending.Lab.Telemetry.Use(new MeshSettings());
        await sending.UntilAsync("not-sent", 3);
    }

    [Theory]
    [InlineData("http://collector:4318", "http://collector:4318/v1/traces")]
    [InlineData("http://collector:4318/", "http://collector:4318/v1/traces")]
    [InlineData("https://collector.example.org/otlp/v1/traces", "https://collector.example.org/otlp/v1/traces")]
    [InlineData("http://[fd00::1]:4318", "http://[fd00::1]:4318/v1/traces")]
    [InlineData("grpc://collector:1234", "grpc://collector:1234/")]
    [InlineData("grpc://collector", "grpc://collector:4317/")]
    [InlineData("grpcs://[fd00::1]/", "grpcs://[fd00::1]:4317/")]
    public void AnEndpointWithoutAPathOrPortHasTheUsualOne(string text, string expected)
    {
        Assert.Null(OtlpEndpoint.Parse(text, out Uri? endpoint));
        Assert.Equal(expected, endpoint!.AbsoluteUri);
    }

    [Theory]
    [InlineData("collector:4317")]
    [InlineData("grpc://collector:4317/v1/traces")]
    [InlineData("http://")]
    [InlineData("http://user:secret@collector")]
    [InlineData("http://collector/?a=b")]
    [InlineData("/v1/traces")]
    public void WhatIsNoEndpointIsRefused(string text) => Assert.NotNull(OtlpEndpoint.Parse(text, out _));

    private sealed class Sending : IAsyncDisposable
    {
        private readonly CancellationTokenSource _stop = new();
        private readonly Task _running;

        internal Sending(string endpoint)
        {
            Lab = new RequestLab(tracing: new TracingSettings { Mode = TracingMode.Enabled, SamplingPercent = 100, Endpoint = endpoint });
            _running = Lab.Spans.RunAsync(_stop.Token);
        }

        internal RequestLab Lab { get; }

        internal void Add(int count)
        {
            IRequestObserver observer = Lab.Observe(new ProxyConnectionInfo { Source = new SocketEndPoint(IPAddress.Parse("10.0.0.1"), 40_000), Destination = new SocketEndPoint(IPAddress.Parse("10.0.0.2"), 80) });
            HeaderList request = new HeaderList().Add(":method"u8, "GET"u8).Add(":path"u8, "/"u8);
            for (int i = 0; i < count; i++) observer.OnRequestEnded(new RequestEnd(200, TimeSpan.FromMilliseconds(1), null), observer.Begin(request, HttpProtocol.Http11, i % 8));
        }

        /// <summary>Waits until what was added is with the exporter.</summary>
        internal Task WaitingAsync() => Task.Delay(200);

        internal int Count(string result)
        {
            string? line = Lab.Registry.Render(openMetrics: false).Split('\n').SingleOrDefault(l => l.StartsWith($"culvert_trace_spans_total{{result=\"{result}\"}} ", StringComparison.Ordinal));
            return line is null ? 0 : int.Parse(line.Split(' ')[1], CultureInfo.InvariantCulture);
        }

        internal async Task UntilAsync(string result, int count)
        {
            for (int i = 0; i < 1000 && Count(result) < count; i++) await Task.Delay(10);
            Assert.Equal(count, Count(result));
        }

        public async ValueTask DisposeAsync()
        {
            await _stop.CancelAsync();
            await _running.ContinueWith(static _ => { }, TaskScheduler.Default);
            Lab.Dispose();
            _stop.Dispose();
        }
    }
}
