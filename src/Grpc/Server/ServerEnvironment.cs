using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;
using Microsoft.Extensions.Options;

namespace Culvert.Grpc;

/// <summary>What the calls of one server share.</summary>
internal sealed record ServerEnvironment(GrpcServiceOptions Options, ILogger Logger, TimeProvider Time, StreamingCalls Streams, CancellationToken Stopping)
{
    internal static ServerEnvironment From(IServiceProvider services) => new(
        services.GetService<IOptions<GrpcServiceOptions>>()?.Value ?? new GrpcServiceOptions(),
        services.GetService<ILoggerFactory>()?.CreateLogger("Culvert.Grpc.Server") ?? NullLogger.Instance,
        services.GetService<TimeProvider>() ?? TimeProvider.System,
        services.GetService<StreamingCalls>() ?? new StreamingCalls(),
        services.GetService<IHostApplicationLifetime>()?.ApplicationStopping ?? CancellationToken.None);
}
