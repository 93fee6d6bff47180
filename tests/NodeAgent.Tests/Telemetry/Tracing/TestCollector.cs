using System.Collections.Concurrent;
using Culvert.Protocol.OpenTelemetry;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Tests.Telemetry.Tracing;

/// <summary>A collector that takes spans by OTLP over HTTP.</summary>
internal sealed class TestCollector : IAsyncDisposable
{
    private readonly WebApplication _server;

    private TestCollector(WebApplication server) => _server = server;

    /// <summary>What it answers.</summary>
    internal volatile int Status = 200;

    /// <summary>How often it was asked.</summary>
    internal int Asked;

    /// <summary>The spans that it has taken, each with its resource.</summary>
    internal ConcurrentQueue<(Resource Resource, Span Span)> Spans { get; } = [];

    /// <summary>Where it is; the path of traces is for the agent to add.</summary>
    internal string Endpoint => _server.Urls.Single();

    internal static async Task<TestCollector> StartAsync()
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        TestCollector collector = new(builder.Build());
        collector._server.Run(collector.TakeAsync);
        await collector._server.StartAsync();
        return collector;
    }

    /// <summary>The spans, once there are so many.</summary>
    internal async Task<(Resource Resource, Span Span)[]> SpansAsync(int count)
    {
        for (int i = 0; i < 1000 && Spans.Count < count; i++) await Task.Delay(10);
        Assert.Equal(count, Spans.Count);
        return [.. Spans];
    }

    public ValueTask DisposeAsync() => _server.DisposeAsync();

    private async Task TakeAsync(HttpContext context)
    {
        Interlocked.Increment(ref Asked);
        Assert.Equal(("POST", "/v1/traces", "application/x-protobuf"), (context.Request.Method, context.Request.Path.Value, context.Request.ContentType));
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        context.Response.StatusCode = Status;
        if (Status != 200) return;
        ExportTraceServiceRequest request = ExportTraceServiceRequest.Parser.ParseFrom(body.ToArray());
        foreach (ResourceSpans resource in request.ResourceSpans)
        {
            foreach (Span span in resource.ScopeSpans.SelectMany(s => s.Spans)) Spans.Enqueue((resource.Resource, span));
        }

        await context.Response.Body.WriteAsync(new ExportTraceServiceResponse().ToByteArray());
    }
}
