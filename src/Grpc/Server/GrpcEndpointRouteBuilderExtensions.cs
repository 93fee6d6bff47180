using Culvert.Grpc;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Routing;

namespace Microsoft.AspNetCore.Builder;

/// <summary>Puts gRPC services on a server.</summary>
public static class GrpcEndpointRouteBuilderExtensions
{
    private const string UnimplementedName = "gRPC - Unimplemented";

    /// <summary>Serves the methods of a service, as the generated <c>BindService</c> of the service gives them. gRPC calls of paths that no service has are answered with UNIMPLEMENTED.</summary>
    /// <param name="builder">The routes of the server.</param>
    /// <param name="serviceDefinition">The service.</param>
    public static GrpcServiceEndpointConventionBuilder MapGrpcService(
        this IEndpointRouteBuilder builder, ServerServiceDefinition serviceDefinition)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentNullException.ThrowIfNull(serviceDefinition);
        ServerEnvironment environment = ServerEnvironment.From(builder.ServiceProvider);
        ServerMethodCollector collector = new();
        serviceDefinition.BindService(collector);
        List<IEndpointConventionBuilder> endpoints = [];
        foreach (IServerMethod method in collector.Methods)
        {
            endpoints.Add(builder.MapPost(method.FullName, context => method.InvokeAsync(context, environment))
                .WithDisplayName($"gRPC - {method.FullName}"));
        }

        bool fallbackMapped = builder.DataSources.SelectMany(source => source.Endpoints).Any(endpoint => endpoint.DisplayName == UnimplementedName);
        if (!fallbackMapped)
        {
            builder.MapPost("/{grpcService}/{grpcMethod}", AnswerUnimplementedAsync).WithDisplayName(UnimplementedName);
        }

        return new GrpcServiceEndpointConventionBuilder(endpoints);
    }

    private static Task AnswerUnimplementedAsync(HttpContext context)
    {
        if (ServerResponse.RejectNonGrpc(context))
        {
            return Task.CompletedTask;
        }

        Status status = new(StatusCode.Unimplemented, $"Method '{context.Request.Path}' is unimplemented.");
        ServerResponse.WriteTrailersOnly(context.Response, status, Metadata.Empty);
        return Task.CompletedTask;
    }
}
