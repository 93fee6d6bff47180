namespace Culvert.Grpc;

/// <summary>The stream of responses of a call.</summary>
internal sealed class ServerStreamWriter<T>(HttpServerCallContext context, Marshaller<T> marshaller) : IServerStreamWriter<T>
    where T : class
{
    private int writing;

    public WriteOptions? WriteOptions { get; set; }

    public Task WriteAsync(T message) => WriteAsync(message, CancellationToken.None);

    public async Task WriteAsync(T message, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(message);
        if (Interlocked.Exchange(ref writing, 1) != 0)
        {
            throw new InvalidOperationException("Can't write the message: another write is in progress.");
        }

        try
        {
            WriteOptions? options = WriteOptions ?? context.WriteOptions;
            bool flush = options is null || !options.Flags.HasFlag(WriteFlags.BufferHint);
            await context.WriteAsync(message, marshaller, flush, options, cancellationToken);
        }
        finally
        {
            Volatile.Write(ref writing, 0);
        }
    }
}
