using Culvert.Core;

namespace Culvert.Protocol;

/// <summary>How to reach a server that is known by its SPIFFE ID.</summary>
public sealed record SpiffeTlsOptions
{
    /// <summary>The roots that the server's certificate must lead to; asked at each handshake, so that a changed bundle counts at once.</summary>
    public required Func<IReadOnlyList<ReadOnlyMemory<byte>>> Roots { get; init; }

    /// <summary>Whether it is the server; asked of a certificate that leads to the roots.</summary>
    public required Func<SpiffeId, bool> IsServer { get; init; }

    /// <summary>What is said, with its remedy, of a server whose certificate is another's or does not lead to the roots.</summary>
    public required string Refusal { get; init; }

    /// <summary>The certificate to show, with its key and what leads from it to a root; asked at each handshake. Null, or its answer null: none.</summary>
    public Func<SslClientIdentity?>? Identity { get; init; }

    /// <summary>The clock that certificates are checked by.</summary>
    public TimeProvider Time { get; init; } = TimeProvider.System;
}
