using Culvert.GrpcHosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Hosting;

/// <summary>A Kestrel server as a service; what it has opened is closed also when it can't start. Compiled into the agent and the controller.</summary>
/// <param name="build">Makes the application, which is not started yet.</param>
/// <param name="explain">Runs the start, and says in its own words why it failed; null: the failure is passed on as it is.</param>
internal sealed class WebServer(Func<WebApplication> build, Func<Func<Task>, Task>? explain = null) : IHostedService
{
    private static readonly TimeSpan AnswersLeft = TimeSpan.FromSeconds(1);

    // A little longer than a call waits for its client.
    private static readonly TimeSpan StreamsLeft = TimeSpan.FromSeconds(1.2);

    private WebApplication? _application;

    /// <summary>Where it listens, once it has been started: as URLs, with the ports that were taken where 0 was asked for.</summary>
    internal IEnumerable<string> Addresses => _application?.Urls ?? [];

    /// <summary>
    /// An application with Kestrel, routing and these loggers. The framework's other builders read the environment and <c>appsettings.json</c> in the working
    /// directory: these could add addresses to a running server.
    /// </summary>
    internal static WebApplicationBuilder CreateBuilder(ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = WebApplication.CreateEmptyBuilder(new());
        builder.Services.AddSingleton<IHostLifetime, PassiveLifetime>();
        builder.Services.AddSingleton(loggers);
        builder.Services.AddRoutingCore();
        builder.WebHost.UseKestrelCore();
        return builder;
    }

    /// <summary>Starts to listen.</summary>
    public Task StartAsync(CancellationToken cancellationToken)
    {
        return explain is null ? BuildAndStartAsync() : explain(BuildAndStartAsync);

        async Task BuildAndStartAsync()
        {
            _application = build();
            await _application.StartAsync(cancellationToken);
        }
    }

    /// <summary>
    /// Ends streams, for a second at most, then takes no new connection, answers what has been asked, for a second at most, and then closes all. Disposal alone cuts answers off, such as the one to the request that has the agent
    /// detach and end. A second call does nothing.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref _application, null) is not { } application) return;
        await using (application)
        {
            application.Lifetime.StopApplication();
            if (application.Services.GetService<StreamingCalls>() is { } streams)
            {
                // Those that are left are closed with their connections.
                await Task.WhenAny(streams.EndedAsync(), Task.Delay(StreamsLeft, cancellationToken));
            }

            using CancellationTokenSource limit = CancellationTokenSource.CreateLinkedTokenSource(cancellationToken);
            limit.CancelAfter(AnswersLeft);
            try
            {
                await application.StopAsync(limit.Token);
            }
            catch (OperationCanceledException) when (limit.IsCancellationRequested)
            {
                // Something is followed still, such as flows, which never ends by itself: disposal closes it.
            }
        }
    }
}
