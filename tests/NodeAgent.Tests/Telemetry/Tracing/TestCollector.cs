using System.Collections.Concurrent;
using Culvert.Protocol.OpenTelemetry;
using Google.Protobuf;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Tests.Telemetry.Tracing;

/// <summary>A collector that takes spans by OTLP over HTTP or gRPC.</summary>
internal sealed class TestCollector : IAsyncDisposable
{
    private readonly WebApplication _server;
    private readonly bool _isGrpc;

    private TestCollector(WebApplication server, bool isGrpc) => (_server, _isGrpc) = (server, isGrpc);

    /// <summary>What it answers; of gRPC, 503 stands for UNAVAILABLE and 400 for INVALID_ARGUMENT.</summary>
    internal volatile int Status = 200;

    /// <summary>How often it was asked.</summary>
    internal int Asked;

    /// <summary>The spans that it has taken, each with its resource.</summary>
    internal ConcurrentQueue<(Resource Resource, Span Span)> Spans { get; } = [];

    /// <summary>Where it is; the path of traces is for the agent to add.</summary>
    internal string Endpoint => _isGrpc ? _server.Urls.Single().Replace("http", "grpc", StringComparison.Ordinal) : _server.Urls.Single();

    internal static async Task<TestCollector> StartAsync(bool isGrpc = false)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.WebHost.UseUrls("http://127.0.0.1:0");
        if (isGrpc) builder.WebHost.ConfigureKestrel(o => o.ConfigureEndpointDefaults(e => e.Protocols = HttpProtocols.Http2));
        TestCollector collector = new(builder.Build(), isGrpc);
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
        (string Path, string Type) expected = _isGrpc ? ("/opentelemetry.proto.collector.trace.v1.TraceService/Export", "application/grpc") : ("/v1/traces", "application/x-protobuf");
        Assert.Equal(("POST", expected.Path, expected.Type), (context.Request.Method, context.Request.Path.Value, context.Request.ContentType));
        using MemoryStream body = new();
        await context.Request.Body.CopyToAsync(body);
        if (_isGrpc)
        {
            context.Response.ContentType = "application/grpc";
            context.Response.AppendTrailer("grpc-status", Status switch { 200 => "0", 503 => "14", _ => "3" });
        }
        else
        {
            context.Response.StatusCode = Status;
        }

        if (Status != 200) return;
        ExportTraceServiceRequest request = ExportTraceServiceRequest.Parser.ParseFrom(body.ToArray().AsSpan(_isGrpc ? 5 : 0)); // behind the prefix of gRPC
        foreach (ResourceSpans resource in request.ResourceSpans)
        {
            foreach (Span span in resource.ScopeSpans.SelectMany(s => s.Spans)) Spans.Enqueue((resource.Resource, span));
        }

        await context.Response.Body.WriteAsync(_isGrpc ? new byte[5] : new ExportTraceServiceResponse().ToByteArray());
    }
}
