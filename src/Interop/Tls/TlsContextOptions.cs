namespace Culvert.Interop.Tls;

/// <summary>What a <see cref="TlsContext"/> is made of. Certificates are DER, the key is PKCS#8; nothing touches a disk.</summary>
public sealed record TlsContextOptions
{
    /// <summary>
    /// Records read ahead by one read(2): eight of the largest, plus the three bytes OpenSSL spends on alignment. A buffer that ends inside a record
    /// costs a second read(2) for the record's last bytes.
    /// </summary>
    public const int DefaultReadBufferLength = (8 * (16_384 + 22)) + 3;

    /// <summary>Whether the context accepts connections.</summary>
    public required bool IsServer { get; init; }

    /// <summary>The leaf certificate.</summary>
    public required ReadOnlyMemory<byte> Certificate { get; init; }

    /// <summary>Intermediate certificates sent after the leaf, leaf's issuer first.</summary>
    public IReadOnlyList<ReadOnlyMemory<byte>> Chain { get; init; } = [];

    /// <summary>The leaf's private key.</summary>
    public required ReadOnlyMemory<byte> PrivateKey { get; init; }

    /// <summary>Certificates a peer's chain may end in; any of them is an anchor, self-signed or not.</summary>
    public required IReadOnlyList<ReadOnlyMemory<byte>> TrustBundle { get; init; }

    /// <summary>Roots of other domains, besides; null: none. They may change while the context is used.</summary>
    public TlsForeignRoots? ForeignRoots { get; init; }

    /// <summary>Bytes of TLS records read from the socket at once.</summary>
    public int ReadBufferLength { get; init; } = DefaultReadBufferLength;

    /// <summary>Whether an idle connection gives its record buffers back.</summary>
    public bool ReleaseIdleBuffers { get; init; } = true;
}
