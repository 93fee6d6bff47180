namespace Culvert.Protocol;

/// <summary>How to reach the controller over TLS.</summary>
public sealed record ControllerChannelOptions
{
    /// <summary><c>https://host:port</c>.</summary>
    public required Uri Address { get; init; }

    /// <summary>The roots that the controller's certificate must lead to; asked at each handshake, so that a changed bundle counts at once.</summary>
    public required Func<IReadOnlyList<ReadOnlyMemory<byte>>> Roots { get; init; }

    /// <summary>The node's certificate with its key and the certificates between it and the root; asked at each handshake. Null before the node has joined.</summary>
    public Func<SslClientIdentity?>? Identity { get; init; }

    /// <summary>The clock that certificates are checked by.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
