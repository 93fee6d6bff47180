namespace Culvert.GrpcHosting;

/// <summary>
/// The requests of a call, whose reads are cancelled when the call is interrupted; the package's reader throws <see
/// cref="InvalidOperationException"/> then. One read at a time.
/// </summary>
internal sealed class LimitedStreamReader<T>(IAsyncStreamReader<T> inner, LimitedCall call) : IAsyncStreamReader<T>
{
    public T Current => inner.Current;

    public Task<bool> MoveNext(CancellationToken cancellationToken) =>
        call.Interrupted.IsCancellationRequested ? Task.FromCanceled<bool>(call.Interrupted) : inner.MoveNext(cancellationToken);
}
