using System.Net;
using Culvert.GrpcHosting;
using Culvert.Hosting;
using Culvert.NodeAgent.Options;
using Culvert.NodeAgent.Telemetry.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Connections;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Serves <c>/metrics</c>, <c>/ready</c> and <c>/live</c>: the cold HTTP side of the agent, on its own ports and threads.</summary>
internal static class HttpEndpoints
{
    private const string OpenMetricsType = "application/openmetrics-text";

    // Requests are short and few: a kubelet, a scraper, an operator. Who says nothing makes room for who comes.
    private static readonly ConnectionGateOptions Bounds = new() { Most = 128, MostFromOneSource = 16, Longest = TimeSpan.FromSeconds(10) };

    /// <summary>The server; it is not started yet.</summary>
    internal static WebServer Serve(
        IReadOnlyList<IPEndPoint> metrics, IReadOnlyList<IPEndPoint> readiness, ProbeSources sources, MetricsTokens? tokens, MetricRegistry registry, HealthState health, TimeProvider time, ILoggerFactory loggers) => new(
        () => Build(metrics, readiness, sources, tokens, registry, health, time, loggers),
        start => StartStep.RunAsync(
            reason => StartStep.Blame(reason, [.. metrics.Select(m => ("--metrics", m.ToString())), .. readiness.Select(r => ("--readiness", r.ToString()))]),
            "`ss -ltnp` says what listens there; stop it or give another address or port", start));

    private static WebApplication Build(
        IReadOnlyList<IPEndPoint> metrics, IReadOnlyList<IPEndPoint> readiness, ProbeSources sources, MetricsTokens? tokens, MetricRegistry registry, HealthState health, TimeProvider time, ILoggerFactory loggers)
    {
        ConnectionGate gate = new(Bounds, time);
        WebApplicationBuilder builder = WebServer.CreateBuilder(loggers);
        builder.WebHost.CloseUnboundSockets().ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxRequestBodySize = 0;
            foreach (IPEndPoint address in metrics.Concat(readiness).Distinct())
                kestrel.Listen(address, listen => listen.Use(next => connection => EnterAsync(connection, next, gate, sources)));
        });
        WebApplication app = builder.Build();
        app.Run(context => AnswerAsync(context, metrics[0].Port, readiness[0].Port, tokens, registry, health));
        return app;
    }

    private static async Task EnterAsync(ConnectionContext connection, ConnectionDelegate next, ConnectionGate gate, ProbeSources sources)
    {
        if (connection.RemoteEndPoint is not IPEndPoint source || !sources.Allows(source.Address))
        {
            connection.Abort(new ConnectionAbortedException("pods may not ask for metrics and readiness; --metrics-allow lets them"));
            return;
        }

        using GatePlace place = gate.Enter(connection);
        await next(connection);
    }

    private static Task AnswerAsync(HttpContext context, int metricsPort, int readinessPort, MetricsTokens? tokens, MetricRegistry registry, HealthState health)
    {
        HttpResponse response = context.Response;

        // One request for each connection: none is kept that would be in the way of others.
        response.Headers.Connection = "close";
        int port = context.Connection.LocalPort;
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return Task.CompletedTask;
        }
        switch (context.Request.Path.Value)
        {
            case "/metrics" when port == metricsPort && tokens?.Allows(context.Request.Headers.Authorization) == false:
                response.StatusCode = StatusCodes.Status401Unauthorized;
                response.Headers.WWWAuthenticate = "Bearer";
                return Task.CompletedTask;
            case "/metrics" when port == metricsPort:
                bool openMetrics = context.Request.Headers.Accept.Any(a => a?.Contains(OpenMetricsType, StringComparison.OrdinalIgnoreCase) == true);
                response.ContentType = openMetrics ? OpenMetricsType + "; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
                return registry.ExportAsync(response.Body, openMetrics, context.RequestAborted);
            case "/live" when port == readinessPort:
                return response.WriteAsync("live\n", context.RequestAborted);
            case "/ready" when port == readinessPort:
                if (health.IsReady) return response.WriteAsync("ready\n", context.RequestAborted);
                response.StatusCode = StatusCodes.Status503ServiceUnavailable;
                return response.WriteAsync(string.Concat(health.Blockers.Select(b => $"{b.Key}: {b.Value}\n")), context.RequestAborted);
            default:
                response.StatusCode = StatusCodes.Status404NotFound;
                return Task.CompletedTask;
        }
    }
}
