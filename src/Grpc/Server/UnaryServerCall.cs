namespace Culvert.Grpc;

/// <summary>Runs methods with one request and one response.</summary>
internal sealed class UnaryServerCall<TRequest, TResponse>(
    Method<TRequest, TResponse> method, UnaryServerMethod<TRequest, TResponse> handler) : ServerCall<TRequest, TResponse>(method)
    where TRequest : class
    where TResponse : class
{
    protected override async Task HandleAsync(HttpServerCallContext context)
    {
        TRequest request = await ReadSingleAsync(context);
        TResponse response = await handler(request, context);
        if (context.Status.StatusCode == StatusCode.OK)
        {
            await WriteSingleAsync(context, response);
        }
    }
}
