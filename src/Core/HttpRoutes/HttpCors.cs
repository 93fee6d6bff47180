namespace Culvert.Core;

/// <summary>Which pages of other origins browsers may let ask for something, and see its answer (CORS, https://fetch.spec.whatwg.org).</summary>
public sealed record HttpCors
{
    /// <summary>How long a browser keeps the answer to a preflight where nothing is said, in seconds.</summary>
    public const int DefaultMaxAge = 5;

    /// <summary>Whose pages; empty: nobody's.</summary>
    public EquatableArray<OriginPattern> AllowOrigins { get; init; }

    /// <summary>Whether requests may have cookies and the like.</summary>
    public bool AllowCredentials { get; init; }

    /// <summary>The methods of requests, beside those that need no leave; <c>*</c>, alone: all.</summary>
    public EquatableArray<string> AllowMethods { get; init; }

    /// <summary>The headers of requests, beside those that need no leave; <c>*</c>, alone: all.</summary>
    public EquatableArray<string> AllowHeaders { get; init; }

    /// <summary>The headers of responses that pages may see, beside those that need no leave; <c>*</c>: all, not with <see cref="AllowCredentials"/>.</summary>
    public EquatableArray<string> ExposeHeaders { get; init; }

    /// <summary>How long a browser may keep the answer to a preflight, in seconds.</summary>
    public int MaxAge { get; init; } = DefaultMaxAge;

    /// <summary>Whether the answer is the same for all origins, and names none.</summary>
    public bool IsForAll => !AllowCredentials && AllowOrigins.AsSpan() is [{ IsAny: true }];

    /// <summary>Whether pages of an origin may ask. Allocates nothing.</summary>
    /// <param name="origin">The origin.</param>
    public bool Allows(ReadOnlySpan<byte> origin)
    {
        foreach (OriginPattern pattern in AllowOrigins.AsSpan())
        {
            if (pattern.Matches(origin)) return true;
        }
        return false;
    }
}
