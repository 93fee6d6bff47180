using Culvert.NodeAgent.Proxy;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Hosting;

/// <summary>
/// Lets proxied connections finish when the agent stops. It is the last service to start and so the first to stop: all goes on meanwhile, policy and new connections too, because there is no other
/// agent yet to do it, unless the node was handed over.
/// </summary>
/// <param name="proxy">Whose connections.</param>
/// <param name="clock">Told when the drain begins.</param>
/// <param name="deadline">How long it may take.</param>
/// <param name="detached">Completes when the agent has been taken out of the kernel: there is nothing to drain then.</param>
/// <param name="health">Told that the agent stops.</param>
/// <param name="logger">Where the end is logged.</param>
internal sealed class ConnectionDrain(ProxyServer proxy, DrainClock clock, TimeSpan deadline, Task detached, HealthState health, ILogger logger) : IHostedService
{
    private bool _started;

    public Task StartAsync(CancellationToken cancellationToken)
    {
        _started = true;
        return Task.CompletedTask;
    }

    public async Task StopAsync(CancellationToken cancellationToken)
    {
        health.Block("agent", "it is stopping");
        if (!_started || detached.IsCompleted) return;
        using CancellationTokenSource hurry = new();
        clock.Begin(deadline);
        Task<bool> drained = proxy.DrainAsync(deadline, hurry.Token);
        await Task.WhenAny(drained, detached);
        await hurry.CancelAsync();
        long reset = await drained ? 0 : (await proxy.GetStatsAsync()).Sum(l => (long)l.Connections);
        AgentLog.Drained(logger, reset);
    }
}
