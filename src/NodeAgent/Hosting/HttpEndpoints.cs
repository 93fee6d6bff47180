using System.Net;
using Culvert.NodeAgent.Telemetry.Metrics;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Serves <c>/metrics</c>, <c>/ready</c> and <c>/live</c>: the cold HTTP side of the agent, on its own ports and threads.</summary>
internal static class HttpEndpoints
{
    private const string OpenMetricsType = "application/openmetrics-text";

    internal static async Task<WebApplication> StartAsync(IPEndPoint metrics, IPEndPoint readiness, MetricRegistry registry, HealthState health, ILoggerFactory loggers, CancellationToken cancellationToken)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Services.AddSingleton(loggers);
        builder.WebHost.ConfigureKestrel(kestrel =>
        {
            kestrel.AddServerHeader = false;
            kestrel.Limits.MaxConcurrentConnections = 256;
            kestrel.Limits.MaxRequestBodySize = 0;
            kestrel.Listen(metrics);
            if (!readiness.Equals(metrics)) kestrel.Listen(readiness);
        });
        WebApplication app = builder.Build();
        app.Run(context => AnswerAsync(context, metrics.Port, readiness.Port, registry, health));
        await app.StartAsync(cancellationToken);
        return app;
    }

    private static Task AnswerAsync(HttpContext context, int metricsPort, int readinessPort, MetricRegistry registry, HealthState health)
    {
        HttpResponse response = context.Response;
        int port = context.Connection.LocalPort;
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            return Task.CompletedTask;
        }
        switch (context.Request.Path.Value)
        {
            case "/metrics" when port == metricsPort:
                bool openMetrics = context.Request.Headers.Accept.Any(a => a?.Contains(OpenMetricsType, StringComparison.OrdinalIgnoreCase) == true);
                response.ContentType = openMetrics ? OpenMetricsType + "; version=1.0.0; charset=utf-8" : "text/plain; version=0.0.4; charset=utf-8";
                return response.WriteAsync(registry.Render(openMetrics), context.RequestAborted);
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
