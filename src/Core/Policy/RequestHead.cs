namespace Culvert.Core;

/// <summary>What policy sees of a request of HTTP; valid while the request is.</summary>
public readonly ref struct RequestHead
{
    private readonly IRequestFields? _fields;

    /// <summary>Makes one.</summary>
    /// <param name="method">The method.</param>
    /// <param name="paths">The readings of its path, without the query.</param>
    /// <param name="authority">The host that is asked for, perhaps with a port.</param>
    /// <param name="fields">The header lines; null: none.</param>
    /// <param name="token">What its token says, which has been found to be good; null: it has none.</param>
    public RequestHead(ReadOnlySpan<byte> method, PathReadings paths, ReadOnlySpan<byte> authority, IRequestFields? fields, JwtClaims? token = null)
    {
        (_fields, Token) = (fields, token);
        Method = method;
        Paths = paths;
        Host = HostOf(authority);
    }

    /// <summary>The method.</summary>
    public ReadOnlySpan<byte> Method { get; }

    /// <summary>The readings of its path, without the query.</summary>
    public PathReadings Paths { get; }

    /// <summary>The host that is asked for, without its port and without a dot at its end.</summary>
    public ReadOnlySpan<byte> Host { get; }

    /// <summary>What its token says; null: it has none.</summary>
    public JwtClaims? Token { get; }

    /// <summary>The header in which its token stood, if that is no header line of it any more; null otherwise.</summary>
    public string? HiddenName { get; init; }

    /// <summary>That token.</summary>
    public ReadOnlySpan<byte> HiddenValue { get; init; }

    /// <summary>How many header lines there are.</summary>
    internal int FieldCount => _fields?.Count ?? 0;

    /// <summary>One of the header lines.</summary>
    internal void GetField(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) => _fields!.Get(index, out name, out value);

    private static ReadOnlySpan<byte> HostOf(ReadOnlySpan<byte> authority)
    {
        int end = authority.StartsWith("["u8) ? authority.IndexOf((byte)']') + 1 : authority.IndexOf((byte)':');
        ReadOnlySpan<byte> host = end > 0 ? authority[..end] : authority;
        return host.EndsWith("."u8) ? host[..^1] : host;
    }
}
