namespace Culvert.Grpc;

/// <summary>The stream of requests of a call.</summary>
internal sealed class ServerStreamReader<T>(HttpServerCallContext context, Marshaller<T> marshaller) : IAsyncStreamReader<T>
    where T : class
{
    private T? current;
    private int reading;

    public T Current => current ?? throw new InvalidOperationException("There is no current message: call MoveNext first.");

    public async Task<bool> MoveNext(CancellationToken cancellationToken)
    {
        if (Interlocked.Exchange(ref reading, 1) != 0)
        {
            throw new InvalidOperationException("Can't read the next message: another read is in progress.");
        }

        try
        {
            current = null;
            current = await context.ReadAsync(marshaller, cancellationToken);
            return current is not null;
        }
        finally
        {
            Volatile.Write(ref reading, 0);
        }
    }
}
