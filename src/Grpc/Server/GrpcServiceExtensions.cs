using Culvert.Grpc;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.Extensions.DependencyInjection;

/// <summary>Registers what gRPC services need.</summary>
public static class GrpcServiceExtensions
{
    /// <summary>Adds gRPC with its defaults. Optional: services can be mapped without.</summary>
    /// <param name="services">The services of the server.</param>
    public static IServiceCollection AddGrpc(this IServiceCollection services) => services.AddGrpc(static _ => { });

    /// <summary>Adds gRPC.</summary>
    /// <param name="services">The services of the server.</param>
    /// <param name="configureOptions">Sets the options.</param>
    public static IServiceCollection AddGrpc(this IServiceCollection services, Action<GrpcServiceOptions> configureOptions)
    {
        ArgumentNullException.ThrowIfNull(services);
        ArgumentNullException.ThrowIfNull(configureOptions);
        services.TryAddSingleton<StreamingCalls>();
        return services.Configure(configureOptions);
    }
}
