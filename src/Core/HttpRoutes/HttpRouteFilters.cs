namespace Culvert.Core;

/// <summary>What a route changes of requests and responses, or answers in a server's place.</summary>
public sealed record HttpRouteFilters
{
    /// <summary>Nothing.</summary>
    public static HttpRouteFilters None { get; } = new();

    /// <summary>What is changed of a request's headers.</summary>
    public HeaderChanges RequestHeaders { get; init; } = HeaderChanges.None;

    /// <summary>What is changed of a response's headers.</summary>
    public HeaderChanges ResponseHeaders { get; init; } = HeaderChanges.None;

    /// <summary>Where clients are sent to, in place of a server's answer; null: nowhere. Not with <see cref="Rewrite"/>.</summary>
    public HttpRedirect? Redirect { get; init; }

    /// <summary>What a request asks for in place of what the client has asked for; null: the same.</summary>
    public HttpRewrite? Rewrite { get; init; }

    /// <summary>Which pages of other origins may ask; null: their servers say so themselves.</summary>
    public HttpCors? Cors { get; init; }

    /// <summary>Where copies of requests go; at most <see cref="HttpRouteMirror.MostOfRule"/>.</summary>
    public EquatableArray<HttpRouteMirror> Mirrors { get; init; }
}

/// <summary>Changes of headers: what is removed goes first, then what is set takes the place of what was there, then what is added comes beside it. Names are in lower case.</summary>
/// <param name="Set">What there is once, with this value.</param>
/// <param name="Add">What comes beside what is there.</param>
/// <param name="Remove">Names.</param>
public sealed record HeaderChanges(EquatableArray<HeaderValue> Set, EquatableArray<HeaderValue> Add, EquatableArray<string> Remove)
{
    /// <summary>None.</summary>
    public static HeaderChanges None { get; } = new([], [], []);

    /// <summary>Whether there are none.</summary>
    public bool IsEmpty => Set.IsEmpty && Add.IsEmpty && Remove.IsEmpty;
}

/// <summary>A header.</summary>
/// <param name="Name">Its name, in lower case.</param>
/// <param name="Value">Its value.</param>
public sealed record HeaderValue(string Name, string Value);

/// <summary>Where clients are sent to; each member says what null means.</summary>
public sealed record HttpRedirect
{
    /// <summary><c>http</c> or <c>https</c>; null: <c>http</c>.</summary>
    public string? Scheme { get; init; }

    /// <summary>The host; null: the one that was asked for.</summary>
    public string? Host { get; init; }

    /// <summary>The path; null: the one that was asked for.</summary>
    public PathChange? Path { get; init; }

    /// <summary>The port; null: that of <see cref="Scheme"/>, if it is set, else the one that was asked for.</summary>
    public ushort? Port { get; init; }

    /// <summary>301, 302, 303, 307 or 308.</summary>
    public int Status { get; init; } = 302;
}

/// <summary>What a request asks for in place of what the client has asked for.</summary>
/// <param name="Host">The host, or null.</param>
/// <param name="Path">The path, or null.</param>
public sealed record HttpRewrite(string? Host, PathChange? Path);

/// <summary>Another path.</summary>
/// <param name="IsPrefix">Whether it takes the place of the prefix that the rule has matched only; else of the whole path.</param>
/// <param name="Value">It; the query stays.</param>
public sealed record PathChange(bool IsPrefix, string Value);
