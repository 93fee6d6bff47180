namespace Culvert.Http2.Hpack;

/// <summary>Outcome of decoding a header block.</summary>
internal enum HpackResult
{
    /// <summary>All fields are in the list.</summary>
    Ok,

    /// <summary>The list is larger than allowed and was cut; the tables are in step with the peer's.</summary>
    TooLarge,

    /// <summary>The block is broken: the tables can no longer be trusted.</summary>
    Error,
}
