using System.Buffers.Text;
using System.Diagnostics.CodeAnalysis;
using System.Globalization;
using System.Text;

namespace Culvert.Core;

/// <summary>
/// Which origins of web pages are meant: one (<c>https://shop.example</c>, with a port where that is not the scheme's own), those of all hosts below a name (<c>https://*.shop.example</c>), those of a scheme (<c>https://*</c>) or all
/// (<c>*</c>). Schemes and hosts in upper or lower case are the same.
/// </summary>
public readonly record struct OriginPattern
{
    private const int LongestText = 253, HttpPort = 80, HttpsPort = 443;

    private const string Separator = "://";

    private readonly string? _scheme; // null: all origins
    private readonly string _host; // "*": all; with "*." in front of it all below
    private readonly int _port;

    private OriginPattern(string text, string? scheme, string host, int port) => (Text, _scheme, _host, _port) = (text, scheme, host, port);

    /// <summary>All origins, also that of pages which have none (<c>null</c>).</summary>
    public static OriginPattern Any { get; } = new("*", null, "*", 0);

    /// <summary>The pattern, in lower case.</summary>
    public string Text { get; }

    /// <summary>Whether all origins are meant.</summary>
    public bool IsAny => Text == "*";

    /// <summary>Parses a pattern.</summary>
    /// <exception cref="FormatException">The text is not a pattern; the message says why.</exception>
    public static OriginPattern Parse(string text) => TryParse(text, out OriginPattern pattern, out string? error) ? pattern : throw new FormatException(error);

    /// <summary>Parses a pattern.</summary>
    public static bool TryParse(string? text, out OriginPattern pattern, [NotNullWhen(false)] out string? error)
    {
        (pattern, error) = (default, null);
        if (text == "*")
        {
            pattern = Any;
            return true;
        }
        string normal = text?.ToLowerInvariant() ?? "";
        int colon = normal.IndexOf(Separator, StringComparison.Ordinal), portAt = colon < 0 ? -1 : normal.IndexOf(':', colon + Separator.Length);
        string scheme = colon < 0 ? "" : normal[..colon], host = colon < 0 ? "" : normal[(colon + Separator.Length)..(portAt < 0 ? normal.Length : portAt)];
        int port = DefaultPort(scheme);
        if (normal.Length > LongestText || scheme is not ("http" or "https") || !IsHost(host) || (portAt >= 0 && !TryParsePort(normal.AsSpan(portAt + 1), out port)))
        {
            error = $"'{text}' is not an origin: '*', or http:// or https:// with a host, which may be '*' or begin with '*.', and with a port or without";
            return false;
        }
        pattern = new(normal, scheme, host, port);
        return true;
    }

    /// <summary>Whether an origin is meant, as a request has it in its header <c>origin</c>. Allocates nothing.</summary>
    /// <param name="origin">The origin.</param>
    public bool Matches(ReadOnlySpan<byte> origin)
    {
        if (_scheme is null) return IsAny;
        int colon = origin.IndexOf("://"u8);
        if (colon < 0 || !Ascii.EqualsIgnoreCase(origin[..colon], _scheme)) return false;
        ReadOnlySpan<byte> host = origin[(colon + Separator.Length)..];
        int port = DefaultPort(_scheme), portAt = host.LastIndexOf((byte)':');
        if (portAt > host.LastIndexOf((byte)']')) // else it is in an address of IPv6
        {
            if (!Utf8Parser.TryParse(host[(portAt + 1)..], out port, out int read) || read != host.Length - portAt - 1) return false;
            host = host[..portAt];
        }
        return port == _port && MatchesHost(host);
    }

    /// <inheritdoc/>
    public override string ToString() => Text;

    private bool MatchesHost(ReadOnlySpan<byte> host)
    {
        if (_host == "*") return !host.IsEmpty;
        if (_host[0] != '*') return Ascii.EqualsIgnoreCase(host, _host);
        ReadOnlySpan<char> parent = _host.AsSpan(1); // with its dot: what stands before that is a label or more
        return host.Length > parent.Length && Ascii.EqualsIgnoreCase(host[^parent.Length..], parent);
    }

    private static bool IsHost(string host) => host == "*" || (host.StartsWith("*.", StringComparison.Ordinal) ? host[2..] : host).Split('.').All(IsLabel);

    private static bool IsLabel(string label) => label.Length > 0 && label.All(c => char.IsAsciiLetterOrDigit(c) || c == '-');

    private static bool TryParsePort(ReadOnlySpan<char> text, out int port) =>
        int.TryParse(text, NumberStyles.None, CultureInfo.InvariantCulture, out port) && port is >= 1 and <= ushort.MaxValue;

    private static int DefaultPort(string scheme) => scheme == "https" ? HttpsPort : HttpPort;
}
