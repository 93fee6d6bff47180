using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Hosting;

/// <summary>The generic host of a program's services. Compiled into the agent and the controller.</summary>
internal static class ServiceHost
{
    /// <summary>
    /// Makes a host that starts services one after the other and stops them in reverse. It stops them when the parts are disposed of, also after a start that failed midway: services have to take a
    /// stop without a start.
    /// </summary>
    /// <param name="loggers">For what the host itself has to say.</param>
    /// <param name="parts">Owns the host; the services' other parts are in it already.</param>
    /// <param name="services">In the order of their start.</param>
    internal static IHost Build(ILoggerFactory loggers, OwnedParts parts, params ReadOnlySpan<IHostedService> services)
    {
        HostApplicationBuilder builder = Host.CreateEmptyApplicationBuilder(new HostApplicationBuilderSettings());
        builder.Services.AddSingleton<IHostLifetime, PassiveLifetime>();
        builder.Services.AddSingleton(loggers);

        // Each service bounds its own stop; the agent's drain takes as long as --drain-seconds says.
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = Timeout.InfiniteTimeSpan);
        foreach (IHostedService service in services) builder.Services.AddSingleton(service);
        IHost host = parts.Own(builder.Build());
        parts.Defer(() => new ValueTask(host.StopAsync(CancellationToken.None)));
        return host;
    }
}
