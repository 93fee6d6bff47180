namespace Culvert.Grpc;

/// <summary>Runs methods with many requests and many responses.</summary>
internal sealed class DuplexStreamingServerCall<TRequest, TResponse>(
    Method<TRequest, TResponse> method, DuplexStreamingServerMethod<TRequest, TResponse> handler) : ServerCall<TRequest, TResponse>(method)
    where TRequest : class
    where TResponse : class
{
    protected override Task HandleAsync(HttpServerCallContext context) => handler(
        new ServerStreamReader<TRequest>(context, Method.RequestMarshaller),
        new ServerStreamWriter<TResponse>(context, Method.ResponseMarshaller),
        context);
}
