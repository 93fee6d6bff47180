using Culvert.NodeAgent.Options;
using Microsoft.AspNetCore.Builder;
using Microsoft.Extensions.Hosting;

namespace Culvert.NodeAgent.Hosting;

/// <summary>One of the agent's Kestrel servers as a service; what it has opened is closed also when it can't start.</summary>
/// <param name="build">Makes the application, which is not started yet.</param>
/// <param name="what">Option and value that are named when it can't start, by what the system said.</param>
/// <param name="remedy">What the user can do then.</param>
internal sealed class WebServer(Func<WebApplication> build, Func<string, string> what, string remedy) : IHostedService
{
    private static readonly TimeSpan AnswersLeft = TimeSpan.FromSeconds(1);

    private WebApplication? _application;

    /// <exception cref="AgentStartException">The address or socket can't be used.</exception>
    public Task StartAsync(CancellationToken cancellationToken) => StartStep.RunAsync(what, remedy, async () =>
    {
        _application = build();
        await _application.StartAsync(cancellationToken);
        return true;
    });

    /// <summary>
    /// Takes no new connection, answers what has been asked, for a second at most, and then closes all. Disposal alone cuts answers off, such as the one to the request that has the agent detach and end.
    /// </summary>
    public async Task StopAsync(CancellationToken cancellationToken)
    {
        if (_application is not { } application) return;
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
        await application.DisposeAsync();
    }
}
