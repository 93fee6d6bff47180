namespace Culvert.Grpc;

/// <summary>Runs methods with many requests and one response.</summary>
internal sealed class ClientStreamingServerCall<TRequest, TResponse>(
    Method<TRequest, TResponse> method, ClientStreamingServerMethod<TRequest, TResponse> handler) : ServerCall<TRequest, TResponse>(method)
    where TRequest : class
    where TResponse : class
{
    protected override async Task HandleAsync(HttpServerCallContext context)
    {
        TResponse response = await handler(new ServerStreamReader<TRequest>(context, Method.RequestMarshaller), context);
        if (context.Status.StatusCode == StatusCode.OK)
        {
            await WriteSingleAsync(context, response);
        }
    }
}
