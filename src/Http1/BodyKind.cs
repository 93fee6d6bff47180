namespace Culvert.Http1;

/// <summary>How the end of a message's body is found (RFC 9112, section 6.3).</summary>
public enum BodyKind
{
    /// <summary>There is none.</summary>
    None = 0,

    /// <summary>It has a number of bytes.</summary>
    Length,

    /// <summary>It comes in chunks, of which the last is empty.</summary>
    Chunked,

    /// <summary>It ends with the connection; responses only.</summary>
    UntilClose,
}
