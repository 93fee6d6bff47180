namespace Culvert.GrpcHosting;

/// <summary>Writes of streaming calls that fail with the status of the call. Thread-safety is that of the call.</summary>
public static class DuplexCalls
{
    /// <summary>
    /// Writes a message. If the server has ended the call before the message is out, Grpc.Net.Client may throw the exception of the transport; the status is then only
    /// in the response.
    /// </summary>
    /// <param name="call">The call; nothing may read its responses meanwhile.</param>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Cancels the write.</param>
    /// <exception cref="RpcException">The call has ended, with its status.</exception>
    /// <exception cref="IOException">The message could not be written. One response may be lost: the caller must end the call.</exception>
    public static async Task SendAsync<TRequest, TResponse>(this AsyncDuplexStreamingCall<TRequest, TResponse> call, TRequest message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(call);
        try
        {
            await call.RequestStream.WriteAsync(message, cancellationToken);
        }
        catch (IOException)
        {
            await call.ResponseStream.MoveNext(cancellationToken);
            throw;
        }
    }
}
