using Culvert.GrpcHosting;
using Grpc.AspNetCore.Server;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.DependencyInjection.Extensions;

namespace Microsoft.AspNetCore.Builder;

/// <summary>
/// Serves gRPC by Grpc.AspNetCore.Server with the limits of <see cref="ServerCallLimits"/>, and with streams that end when the server
/// stops.
/// </summary>
public static class LimitedGrpcExtensions
{
    /// <summary>
    /// Adds gRPC and its limits. The clock of the limits is the <see cref="TimeProvider"/> of the services, or the system's.
    /// </summary>
    /// <param name="services">The services of the server.</param>
    /// <param name="configureGrpc">Sets the options of the package; null keeps its defaults.</param>
    /// <param name="configureLimits">Sets the limits; null keeps the defaults.</param>
    public static IServiceCollection AddLimitedGrpc(
        this IServiceCollection services,
        Action<GrpcServiceOptions>? configureGrpc = null,
        Action<ServerCallLimits>? configureLimits = null)
    {
        ArgumentNullException.ThrowIfNull(services);
        services.AddGrpc(options =>
        {
            options.Interceptors.Add<LimitedCallInterceptor>();
            configureGrpc?.Invoke(options);
        });
        services.TryAddSingleton<LimitedCallInterceptor>();
        services.AddOptions<ServerCallLimits>();
        if (configureLimits is not null) services.Configure(configureLimits);
        services.TryAddSingleton(TimeProvider.System);
        services.TryAddSingleton<StreamingCalls>();
        services.TryAddSingleton<LimitedCallEnvironment>();
        return services;
    }

    /// <summary>
    /// Serves the methods of a service, as its generated <c>BindService</c> returns them, within the limits of <see
    /// cref="AddLimitedGrpc"/>. Calls of methods that no service has end with UNIMPLEMENTED.
    /// </summary>
    /// <param name="builder">The routes of the server.</param>
    /// <param name="service">The service.</param>
    /// <exception cref="InvalidOperationException"><see cref="AddLimitedGrpc"/> was not called.</exception>
    public static GrpcServiceEndpointConventionBuilder MapLimitedGrpcService(
        this IEndpointRouteBuilder builder, ServerServiceDefinition service)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(service);
        LimitedCallEnvironment environment = builder.ServiceProvider.GetRequiredService<LimitedCallEnvironment>();
        GrpcServiceEndpointConventionBuilder endpoints = builder.MapGrpcService(service);
        endpoints.Add(endpoint =>
        {
            // The endpoint of unknown methods has no metadata and reads no request.
            if (endpoint.Metadata.OfType<GrpcMethodMetadata>().FirstOrDefault() is not { } method) return;
            RequestDelegate next = endpoint.RequestDelegate
                ?? throw new InvalidOperationException($"{endpoint.DisplayName} has no handler.");
            MethodType type = method.Method.Type;
            endpoint.RequestDelegate = context => LimitedCall.RunAsync(context, type, environment, next);
        });
        return endpoints;
    }
}
