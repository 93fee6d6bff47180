using Grpc.Core.Interceptors;

namespace Culvert.GrpcHosting;

/// <summary>
/// Tells a <see cref="LimitedCall"/> when its handler begins, and replaces the outcome of a handler that was interrupted by the reason.
/// Stateless.
/// </summary>
internal sealed class LimitedCallInterceptor : Interceptor
{
    public override async Task<TResponse> UnaryServerHandler<TRequest, TResponse>(
        TRequest request, ServerCallContext context, UnaryServerMethod<TRequest, TResponse> continuation)
    {
        TResponse? response = null;
        await RunAsync(context, async _ => response = await continuation(request, context));
        return response!;
    }

    public override async Task<TResponse> ClientStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        ServerCallContext context,
        ClientStreamingServerMethod<TRequest, TResponse> continuation)
    {
        TResponse? response = null;
        await RunAsync(
            context, async call => response = await continuation(new LimitedStreamReader<TRequest>(requestStream, call), context));
        return response!;
    }

    public override Task ServerStreamingServerHandler<TRequest, TResponse>(
        TRequest request,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        ServerStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(context, call => continuation(request, new LimitedStreamWriter<TResponse>(responseStream, call), context));

    public override Task DuplexStreamingServerHandler<TRequest, TResponse>(
        IAsyncStreamReader<TRequest> requestStream,
        IServerStreamWriter<TResponse> responseStream,
        ServerCallContext context,
        DuplexStreamingServerMethod<TRequest, TResponse> continuation) =>
        RunAsync(
            context,
            call => continuation(
                new LimitedStreamReader<TRequest>(requestStream, call), new LimitedStreamWriter<TResponse>(responseStream, call), context));

    private static async Task RunAsync(ServerCallContext context, Func<LimitedCall, Task> handler)
    {
        LimitedCall call = context.GetHttpContext().Features.Get<LimitedCall>()
            ?? throw new InvalidOperationException($"{context.Method} was not mapped by MapLimitedGrpcService.");
        call.BeginHandler();
        try
        {
            await handler(call);
            call.HasReturned = true;
        }
        catch (Exception e) when (
            e is not OutOfMemoryException && call.ExplainEnd(e, context.CancellationToken.IsCancellationRequested) is { } reason)
        {
            // These follow from the interruption, or from a write after it. Others are faults of the handler.
            if (e is not (OperationCanceledException or IOException or InvalidOperationException)) GrpcServerLog.HandlerFailed(call.Logger, context.Method, e);
            throw new RpcException(new Status(reason.StatusCode, reason.Detail, e));
        }
        catch (Exception e) when (e is not OutOfMemoryException and not RpcException)
        {
            // Not left to the package: in its log, failures of handlers can't be told from requests that are invalid.
            GrpcServerLog.HandlerFailed(call.Logger, context.Method, e);
            throw new RpcException(new Status(StatusCode.Unknown, "Exception was thrown by handler.", e));
        }
        if (call.ExplainEnd(null, isCancelled: false) is { } early) throw new RpcException(early);
    }
}
