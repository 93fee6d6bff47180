namespace Grpc.Core;

/// <summary>A call as its handler on the server sees it. Not thread-safe but for <see cref="CancellationToken"/>.</summary>
public abstract class ServerCallContext
{
    /// <summary>The path of the method: <c>/service/method</c>.</summary>
    public abstract string Method { get; }

    /// <summary>The authority the client asked for.</summary>
    public abstract string Host { get; }

    /// <summary>The address of the client: <c>ipv4:a.b.c.d:port</c>, <c>ipv6:[a]:port</c> or <c>unix:path</c>.</summary>
    public abstract string Peer { get; }

    /// <summary>When the call must have ended, UTC; <see cref="DateTime.MaxValue"/> for never.</summary>
    public abstract DateTime Deadline { get; }

    /// <summary>Headers the client sent.</summary>
    public abstract Metadata RequestHeaders { get; }

    /// <summary>Cancelled when the client cancels or goes away, the deadline passes, or (streaming methods) the server stops.</summary>
    public abstract CancellationToken CancellationToken { get; }

    /// <summary>Trailers to send with the status.</summary>
    public abstract Metadata ResponseTrailers { get; }

    /// <summary>The status to send when the handler returns; <see cref="Status.DefaultSuccess"/> at first.</summary>
    public abstract Status Status { get; set; }

    /// <summary>Defaults for written messages, or null.</summary>
    public abstract WriteOptions? WriteOptions { get; set; }

    /// <summary>Values kept for the length of the call.</summary>
    public abstract IDictionary<object, object> UserState { get; }

    /// <summary>Sends the headers of the response now; otherwise they go with the first message. Once only.</summary>
    /// <param name="responseHeaders">The headers.</param>
    /// <exception cref="InvalidOperationException">The headers are sent already.</exception>
    public abstract Task WriteResponseHeadersAsync(Metadata responseHeaders);
}
