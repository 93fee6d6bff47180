namespace Grpc.Core;

/// <summary>Options of one call on the client. Immutable; the <c>With…</c> methods make changed copies.</summary>
public readonly struct CallOptions
{
    /// <summary>Makes options.</summary>
    /// <param name="headers">Headers to send, or null.</param>
    /// <param name="deadline">When the call must have ended, UTC; null for never.</param>
    /// <param name="cancellationToken">Cancels the call.</param>
    /// <param name="writeOptions">Defaults for written messages.</param>
#pragma warning disable CA1068 // The order of the parameters is that of the usual .NET gRPC packages.
    public CallOptions(
        Metadata? headers = null,
        DateTime? deadline = null,
        CancellationToken cancellationToken = default,
        WriteOptions? writeOptions = null)
#pragma warning restore CA1068
    {
        Headers = headers;
        Deadline = deadline;
        CancellationToken = cancellationToken;
        WriteOptions = writeOptions;
    }

    /// <summary>Headers to send, or null.</summary>
    public Metadata? Headers { get; private init; }

    /// <summary>When the call must have ended, UTC; null for never.</summary>
    public DateTime? Deadline { get; private init; }

    /// <summary>Cancels the call.</summary>
    public CancellationToken CancellationToken { get; private init; }

    /// <summary>Defaults for written messages, or null.</summary>
    public WriteOptions? WriteOptions { get; private init; }

    /// <summary>A copy with other headers.</summary>
    /// <param name="headers">Headers to send.</param>
    public CallOptions WithHeaders(Metadata headers) => this with { Headers = headers };

    /// <summary>A copy with another deadline.</summary>
    /// <param name="deadline">When the call must have ended, UTC.</param>
    public CallOptions WithDeadline(DateTime deadline) => this with { Deadline = deadline };

    /// <summary>A copy with another cancellation token.</summary>
    /// <param name="cancellationToken">Cancels the call.</param>
    public CallOptions WithCancellationToken(CancellationToken cancellationToken) => this with { CancellationToken = cancellationToken };

    /// <summary>A copy with other defaults for written messages.</summary>
    /// <param name="writeOptions">The defaults.</param>
    public CallOptions WithWriteOptions(WriteOptions writeOptions) => this with { WriteOptions = writeOptions };
}
