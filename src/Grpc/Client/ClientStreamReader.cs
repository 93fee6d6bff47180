namespace Culvert.Grpc;

/// <summary>The stream of responses of a call.</summary>
internal sealed class ClientStreamReader<TRequest, TResponse>(ClientCall<TRequest, TResponse> call) : IAsyncStreamReader<TResponse>
    where TRequest : class
    where TResponse : class
{
    private TResponse? current;

    public TResponse Current => current ?? throw new InvalidOperationException("There is no current message: call MoveNext first.");

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        await using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(
            static state => ((ClientCall<TRequest, TResponse>)state!).CancelWith(
                new Status(StatusCode.Cancelled, "The call was cancelled by its reader.")),
            call);
        current = null;
        current = await call.ReadAsync();
        return current is not null;
    }
}
