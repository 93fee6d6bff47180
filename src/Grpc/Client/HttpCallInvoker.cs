namespace Culvert.Grpc;

/// <summary>Starts calls on a channel.</summary>
internal sealed class HttpCallInvoker(GrpcChannel channel) : CallInvoker
{
    public override TResponse BlockingUnaryCall<TRequest, TResponse>(Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        using AsyncUnaryCall<TResponse> call = AsyncUnaryCall(method, host, options, request);
        return call.GetAwaiter().GetResult();
    }

    public override AsyncUnaryCall<TResponse> AsyncUnaryCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        ClientCall<TRequest, TResponse> call = new(channel, method, host, options);
        return new AsyncUnaryCall<TResponse>(call, call.StartSingleResponse(request));
    }

    public override AsyncServerStreamingCall<TResponse> AsyncServerStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options, TRequest request)
    {
        ClientCall<TRequest, TResponse> call = new(channel, method, host, options);
        return new AsyncServerStreamingCall<TResponse>(call, call.StartResponseStream(request));
    }

    public override AsyncClientStreamingCall<TRequest, TResponse> AsyncClientStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        ClientCall<TRequest, TResponse> call = new(channel, method, host, options);
        Task<TResponse> response = call.StartSingleResponse(null);
        return new AsyncClientStreamingCall<TRequest, TResponse>(call, call.RequestWriter, response);
    }

    public override AsyncDuplexStreamingCall<TRequest, TResponse> AsyncDuplexStreamingCall<TRequest, TResponse>(
        Method<TRequest, TResponse> method, string? host, CallOptions options)
    {
        ClientCall<TRequest, TResponse> call = new(channel, method, host, options);
        IAsyncStreamReader<TResponse> responses = call.StartResponseStream(null);
        return new AsyncDuplexStreamingCall<TRequest, TResponse>(call, call.RequestWriter, responses);
    }
}
