using Microsoft.Extensions.Hosting;

namespace Culvert.Hosting;

/// <summary>A step of the start of which nothing is to be stopped, or what is disposed of by who owns it.</summary>
internal sealed class StartOnly(Func<CancellationToken, Task> start) : IHostedService
{
    public Task StartAsync(CancellationToken cancellationToken) => start(cancellationToken);

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
