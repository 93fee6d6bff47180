using System.Buffers;
using System.Globalization;
using System.Text;
using Culvert.Http2.Hpack;

namespace Culvert.Http2;

/// <summary>What makes a received header section malformed (RFC 9113, section 8.2 and 8.3; RFC 8441). Every method returns null when it is well formed.</summary>
internal static class HeaderRules
{
    private static readonly SearchValues<byte> NameBytes = SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyz"u8);
    private static readonly SearchValues<byte> BadValueBytes = SearchValues.Create([0, (byte)'\r', (byte)'\n']);

    public static string? Request(HeaderList headers, bool extendedConnect, out bool isConnect, out long contentLength)
    {
        isConnect = false;
        if (Fields(headers, Allowed.Request, out contentLength) is { } problem) return problem;
        var method = headers.Method;
        if (method.IsEmpty) return "request without :method";
        if (method.ContainsAnyExcept(MethodBytes)) return ":method is not a token";
        var authority = headers.Authority;
        isConnect = method.SequenceEqual("CONNECT"u8);
        var extended = Has(headers, HeaderNames.Protocol);
        if (extended && (!extendedConnect || !isConnect)) return ":protocol is not allowed here";
        if (isConnect && !extended)
        {
            if (Has(headers, HeaderNames.Scheme) || Has(headers, HeaderNames.Path)) return "CONNECT with :scheme or :path";
            return authority.IsEmpty ? "CONNECT without :authority" : null;
        }

        if (isConnect && authority.IsEmpty) return "extended CONNECT without :authority";
        var scheme = headers.Scheme;
        var path = headers.Path;
        if (scheme.IsEmpty) return "request without :scheme";
        if (path.IsEmpty) return "request without :path";
        if (scheme.SequenceEqual("http"u8) || scheme.SequenceEqual("https"u8))
        {
            if (path[0] != '/' && !(path.SequenceEqual("*"u8) && method.SequenceEqual("OPTIONS"u8))) return ":path does not start with a slash";
            if (authority.Contains((byte)'@')) return ":authority holds user information";
        }

        var host = headers.Known(HeaderNames.Host);
        return !host.IsEmpty && !authority.IsEmpty && !Ascii.EqualsIgnoreCase(host, authority) ? "host differs from :authority" : null;
    }

    public static string? Response(HeaderList headers, out int status, out long contentLength)
    {
        status = 0;
        if (Fields(headers, Allowed.Response, out contentLength) is { } problem) return problem;
        status = headers.Status;
        if (status < 100) return "response without a valid :status";
        return status == 101 ? "status 101 does not exist in HTTP/2" : null;
    }

    public static string? Trailers(HeaderList headers) => Fields(headers, Allowed.None, out _);

    private static readonly SearchValues<byte> MethodBytes =
        SearchValues.Create("!#$%&'*+-.^_`|~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    private static string? Fields(HeaderList headers, Allowed allowed, out long contentLength)
    {
        contentLength = -1;
        var pseudoSeen = 0;
        var regularSeen = false;
        for (var i = 0; i < headers.Count; i++)
        {
            var field = headers[i];
            var id = headers.NameId(i);
            var value = field.Value;
            if (value.ContainsAny(BadValueBytes)) return "field value with NUL, CR or LF";
            if (value.Length > 0 && (value[0] is (byte)' ' or (byte)'\t' || value[^1] is (byte)' ' or (byte)'\t')) return "field value with white space around it";
            if (field.Name[0] == ':')
            {
                if (regularSeen) return "pseudo header after a regular one";
                var bit = PseudoBit(id, allowed);
                if (bit == 0) return "pseudo header that is not allowed here";
                if ((pseudoSeen & bit) != 0) return "pseudo header given twice";
                pseudoSeen |= bit;
                continue;
            }

            regularSeen = true;
            if (id == HeaderNames.Other)
            {
                if (field.Name.ContainsAnyExcept(NameBytes)) return "field name with characters that are not allowed";
            }
            else if (id == HeaderNames.ContentLength)
            {
                if (!TryParseLength(value, out var length) || (contentLength >= 0 && contentLength != length)) return "content-length is not one number";
                contentLength = length;
            }
            else if (id is HeaderNames.Connection or HeaderNames.ProxyConnection or HeaderNames.KeepAlive or HeaderNames.Upgrade or HeaderNames.TransferEncoding)
            {
                return "connection-specific field";
            }
            else if (id == HeaderNames.Te && !Ascii.EqualsIgnoreCase(value, "trailers"u8))
            {
                return "te with another value than trailers";
            }
        }

        return null;
    }

    private static int PseudoBit(byte id, Allowed allowed) => (allowed, id) switch
    {
        (Allowed.Request, HeaderNames.Method) => 1,
        (Allowed.Request, HeaderNames.Scheme) => 2,
        (Allowed.Request, HeaderNames.Authority) => 4,
        (Allowed.Request, HeaderNames.Path) => 8,
        (Allowed.Request, HeaderNames.Protocol) => 16,
        (Allowed.Response, HeaderNames.Status) => 32,
        _ => 0,
    };

    private static bool Has(HeaderList headers, byte id)
    {
        for (var i = 0; i < headers.Count; i++)
        {
            if (headers.NameId(i) == id) return true;
        }

        return false;
    }

    private static bool TryParseLength(ReadOnlySpan<byte> value, out long length) =>
        long.TryParse(value, NumberStyles.None, CultureInfo.InvariantCulture, out length);

    private enum Allowed
    {
        None,
        Request,
        Response,
    }
}
