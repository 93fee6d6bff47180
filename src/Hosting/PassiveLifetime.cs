using Microsoft.Extensions.Hosting;

namespace Culvert.Hosting;

/// <summary>Leaves signals and the console to the program that the host runs in.</summary>
internal sealed class PassiveLifetime : IHostLifetime
{
    public Task WaitForStartAsync(CancellationToken cancellationToken) => Task.CompletedTask;

    public Task StopAsync(CancellationToken cancellationToken) => Task.CompletedTask;
}
