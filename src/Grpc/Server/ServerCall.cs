using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Http.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core.Features;

namespace Culvert.Grpc;

/// <summary>Runs the handler of a method and ends the call with the status that results.</summary>
internal abstract class ServerCall<TRequest, TResponse>(Method<TRequest, TResponse> method) : IServerMethod
    where TRequest : class
    where TResponse : class
{
    public string FullName => method.FullName;

    protected Method<TRequest, TResponse> Method => method;

    public async Task InvokeAsync(HttpContext http, ServerEnvironment environment)
    {
        if (ServerResponse.RejectNonGrpc(http))
        {
            return;
        }

        LiftBodyLimits(http, environment.Options.MaxRequestBodySize);
        if (method.Type == MethodType.Unary)
        {
            await RunAsync(http, environment, endsWithServer: false);
            return;
        }

        environment.Streams.Begin();
        try
        {
            await RunAsync(http, environment, endsWithServer: true);
        }
        finally
        {
            environment.Streams.End();
        }
    }

    private async Task RunAsync(HttpContext http, ServerEnvironment environment, bool endsWithServer)
    {
        await using HttpServerCallContext context = new(http, environment, method.FullName, endsWithServer);
        try
        {
            context.Start();
            using IDisposable? admission = environment.Options.Admit?.Invoke(context);
            await HandleAsync(context);
            await context.EndAsync(context.Status);
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            await context.FailAsync(e);
        }

        await context.SeeOffAsync();
    }

    /// <summary>Reads what the method type needs, calls the handler, writes what it returns.</summary>
    protected abstract Task HandleAsync(HttpServerCallContext context);

    /// <summary>Reads the only request of a call.</summary>
    /// <exception cref="RpcException">There is none, or more than one.</exception>
    protected async Task<TRequest> ReadSingleAsync(HttpServerCallContext context)
    {
        try
        {
            await using ITimer? limit = context.LimitRequest();
            TRequest request = await context.ReadAsync(method.RequestMarshaller)
                ?? throw new RpcException(new Status(StatusCode.Internal, "Incomplete message: the call has no request."));
            return await context.ReadAsync(method.RequestMarshaller) is null
                ? request
                : throw new RpcException(new Status(StatusCode.Internal, "Additional data after the only request of the call."));
        }
        catch (Exception e) when (e is not OutOfMemoryException)
        {
            context.TellRequestFailed(e);
            throw;
        }
    }

    protected Task WriteSingleAsync(HttpServerCallContext context, TResponse? response) => response is null
        ? throw new RpcException(new Status(StatusCode.Cancelled, "No message returned from method."))
        : context.WriteAsync(response, method.ResponseMarshaller, flush: false, context.WriteOptions);

    private static void LiftBodyLimits(HttpContext http, long? mostBytes)
    {
        // A stream may be silent for long, and is limited by message, not as a whole.
        if (http.Features.Get<IHttpMinRequestBodyDataRateFeature>() is { } rate)
        {
            rate.MinDataRate = null;
        }

        if (http.Features.Get<IHttpMaxRequestBodySizeFeature>() is { IsReadOnly: false } size)
        {
            size.MaxRequestBodySize = mostBytes;
        }
    }
}
