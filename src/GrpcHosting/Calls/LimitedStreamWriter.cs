namespace Culvert.GrpcHosting;

/// <summary>
/// The responses of a call. A cancelled write resets the stream only if a part of its message is with the server already; the package's
/// writer resets it always, and then the client never gets the status.
/// One write at a time.
/// </summary>
internal sealed class LimitedStreamWriter<T>(IServerStreamWriter<T> inner, LimitedCall call) : IServerStreamWriter<T>
{
    public WriteOptions? WriteOptions
    {
        get => inner.WriteOptions;
        set => inner.WriteOptions = value;
    }

    public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

    public async Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        cancellationToken.ThrowIfCancellationRequested();
        call.Interrupted.ThrowIfCancellationRequested();
        call.CancelWritesBy(cancellationToken);
        await inner.WriteAsync(message, CancellationToken.None);
    }
}
