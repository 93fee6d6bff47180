namespace Grpc.Core;

/// <summary>A stream of outgoing messages. One writer at a time.</summary>
/// <typeparam name="T">The message type.</typeparam>
public interface IAsyncStreamWriter<in T>
{
    /// <summary>Options for the messages written from now on; null means the defaults.</summary>
    WriteOptions? WriteOptions { get; set; }

    /// <summary>Writes one message; completes when the transport has taken it, so a slow reader slows the writer.</summary>
    /// <param name="message">The message.</param>
    /// <exception cref="InvalidOperationException">A write is in progress, or the call is complete.</exception>
    Task WriteAsync(T message);

    /// <summary>Writes one message; completes when the transport has taken it, so a slow reader slows the writer.</summary>
    /// <param name="message">The message.</param>
    /// <param name="cancellationToken">Cancels the write and with it the whole call.</param>
    /// <exception cref="InvalidOperationException">A write is in progress, or the call is complete.</exception>
    Task WriteAsync(T message, CancellationToken cancellationToken);
}
