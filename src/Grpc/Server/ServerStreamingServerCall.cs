namespace Culvert.Grpc;

/// <summary>Runs methods with one request and many responses.</summary>
internal sealed class ServerStreamingServerCall<TRequest, TResponse>(
    Method<TRequest, TResponse> method, ServerStreamingServerMethod<TRequest, TResponse> handler) : ServerCall<TRequest, TResponse>(method)
    where TRequest : class
    where TResponse : class
{
    protected override async Task HandleAsync(HttpServerCallContext context) => await handler(
        await ReadSingleAsync(context), new ServerStreamWriter<TResponse>(context, Method.ResponseMarshaller), context);
}
