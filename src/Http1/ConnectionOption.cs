namespace Culvert.Http1;

/// <summary>What a message says of the connection after it (RFC 9112, section 9.3).</summary>
public enum ConnectionOption
{
    /// <summary>Nothing: it goes on, as is usual in HTTP/1.1.</summary>
    None = 0,

    /// <summary>It goes on, which an HTTP/1.0 client has to be told.</summary>
    KeepAlive,

    /// <summary>It ends.</summary>
    Close,
}
