namespace Culvert.Http1;

/// <summary>What a message may have before its body. Immutable; may be shared between connections and threads.</summary>
public sealed record Http1Limits
{
    /// <summary>The defaults.</summary>
    public static readonly Http1Limits Default = new();

    /// <summary>Longest start line in bytes, 64 or more. A longer one of a request is answered with 414. Default 8,192; RFC 9112, section 3, asks for 8,000 at least.</summary>
    public int MaxStartLine { get; init; } = 8192;

    /// <summary>Longest head in bytes, start line and empty lines included; longer ones are answered with 431. So are longer trailer sections. Default 64 KiB.</summary>
    public int MaxHead { get; init; } = 64 << 10;

    /// <summary>Most fields of a head, and of a trailer section; more are answered with 431. Default 128.</summary>
    public int MaxFields { get; init; } = 128;
}
