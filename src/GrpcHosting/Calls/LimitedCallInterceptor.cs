using Grpc.Core.Interceptors;

namespace Culvert.GrpcHosting;

/// <summary>Tells a <see cref="LimitedCall"/> when its handler begins, and replaces the outcome of a handler that was interrupted by the reason. Stateless.</summary>
internal sealed class LimitedCallInterceptor : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        TResponse? response = null;
        await RunAsync(context, async () => response = await continuation(request, context));
        return response!;
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, ServerCallContext context, ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        TResponse? response = null;
        await RunAsync(context, async () => response = await continuation(requestStream, context));
        return response!;
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => continuation(request, responseStream, context));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream, IServerStreamWriter<TResponse> responseStream, ServerCallContext context, DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, () => continuation(requestStream, responseStream, context));

    private static async Task RunAsync(ServerCallContext context, Func<Task> handler)
    {
        LimitedCall call = context.GetHttpContext().Features.Get<LimitedCall>() ?? throw new InvalidOperationException($"{context.Method} was not mapped by MapLimitedGrpcService.");
        call.BeginHandler();
        try
        {
            await handler();
        }
        catch (Exception e) when (e is not OutOfMemoryException && call.ExplainEnd(e) is { } reason)
        {
            throw new RpcException(new Status(reason.StatusCode, reason.Detail, e));
        }
        if (call.ExplainEnd(null) is { } early) throw new RpcException(early);
    }
}
