namespace Culvert.Http1;

/// <summary>What a head says of the connection that it goes by, beside its message's fields (RFC 9110, section 7.6.1).</summary>
public readonly ref struct HeadForm
{
    /// <summary>Whether the body comes in chunks.</summary>
    public bool IsChunked { get; init; }

    /// <summary>Whether its sender waits for <c>100 Continue</c>; requests only.</summary>
    public bool ExpectsContinue { get; init; }

    /// <summary>What becomes of the connection.</summary>
    public ConnectionOption Connection { get; init; }

    /// <summary>The protocol that is asked for, or that it changes to; empty when it stays.</summary>
    public ReadOnlySpan<byte> Upgrade { get; init; }
}
