namespace Culvert.Core;

/// <summary>What policy sees of a request of HTTP; valid while the request is.</summary>
public readonly ref struct RequestHead
{
    private readonly IRequestFields? _fields;

    /// <summary>Makes one.</summary>
    /// <param name="method">The method.</param>
    /// <param name="path">The path, normalised (<see cref="HttpPath"/>), without the query.</param>
    /// <param name="lenientPath">The same, as lenient servers read it; where that is no other, the same span.</param>
    /// <param name="authority">The host that is asked for, perhaps with a port.</param>
    /// <param name="fields">The header lines; null: none.</param>
    public RequestHead(ReadOnlySpan<byte> method, ReadOnlySpan<byte> path, ReadOnlySpan<byte> lenientPath, ReadOnlySpan<byte> authority, IRequestFields? fields)
    {
        _fields = fields;
        Method = method;
        Path = path;
        LenientPath = lenientPath;
        Host = HostOf(authority);
    }

    /// <summary>The method.</summary>
    public ReadOnlySpan<byte> Method { get; }

    /// <summary>The path, normalised, without the query.</summary>
    public ReadOnlySpan<byte> Path { get; }

    /// <summary>The path as lenient servers read it.</summary>
    public ReadOnlySpan<byte> LenientPath { get; }

    /// <summary>The host that is asked for, without its port and without a dot at its end.</summary>
    public ReadOnlySpan<byte> Host { get; }

    /// <summary>How many header lines there are.</summary>
    internal int FieldCount => _fields?.Count ?? 0;

    /// <summary>One of the header lines.</summary>
    internal void GetField(int index, out ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value) => _fields!.Get(index, out name, out value);

    private static ReadOnlySpan<byte> HostOf(ReadOnlySpan<byte> authority)
    {
        int user = authority.LastIndexOf((byte)'@');
        ReadOnlySpan<byte> host = authority[(user + 1)..];
        int port = host.LastIndexOf((byte)':');
        if (port > host.LastIndexOf((byte)']')) host = host[..port];
        return host.EndsWith("."u8) ? host[..^1] : host;
    }
}
