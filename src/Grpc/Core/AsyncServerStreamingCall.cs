namespace Grpc.Core;

/// <summary>A call with one request and many responses. Dispose it to cancel a call that is not finished. Thread-safe but for its streams.</summary>
/// <typeparam name="TResponse">Type of the responses.</typeparam>
public sealed class AsyncServerStreamingCall<TResponse> : IDisposable
{
    private readonly ICall call;

    internal AsyncServerStreamingCall(ICall call, IAsyncStreamReader<TResponse> responseStream)
    {
        this.call = call;
        ResponseStream = responseStream;
    }

    /// <summary>The stream of responses.</summary>
    public IAsyncStreamReader<TResponse> ResponseStream { get; }

    /// <summary>The headers of the response, once they have come; faults with <see cref="RpcException"/> when the call fails before.</summary>
    public Task<Metadata> ResponseHeadersAsync => call.ResponseHeadersAsync;

    /// <summary>The status of the finished call.</summary>
    /// <exception cref="InvalidOperationException">The call is not finished.</exception>
    public Status GetStatus() => call.GetStatus();

    /// <summary>The trailers of the finished call.</summary>
    /// <exception cref="InvalidOperationException">The call is not finished.</exception>
    public Metadata GetTrailers() => call.GetTrailers();

    /// <summary>Cancels the call if it is not finished, and frees what it holds.</summary>
    public void Dispose() => call.Dispose();
}
