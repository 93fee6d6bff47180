namespace Culvert.Core;

/// <summary>Where the value of a <see cref="RateLimitEntry"/> comes from.</summary>
public enum RateLimitValue
{
    /// <summary>It is always the same.</summary>
    Fixed,

    /// <summary>The first line of a header.</summary>
    Header,

    /// <summary>The caller's proven identity, a SPIFFE ID.</summary>
    Identity,

    /// <summary>The caller's address.</summary>
    Address,

    /// <summary>The request's method.</summary>
    Method,

    /// <summary>The host that is asked for.</summary>
    Host,

    /// <summary>The path, without its query, as the server gets it.</summary>
    Path,
}
