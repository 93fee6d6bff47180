using System.Text;
using Culvert.Http2;

namespace Culvert.Http1;

/// <summary>The first line of a message (RFC 9112, section 3 and 4).</summary>
internal static class StartLine
{
    private const int VersionLength = 8; // HTTP/1.1

    /// <summary>Whether this may be the beginning of a request's line.</summary>
    public static bool IsRequestBegun(ReadOnlySpan<byte> line) => line.IsEmpty || Octets.IsToken(line[..1]);

    /// <summary>Whether this may be the beginning of a response's line.</summary>
    public static bool IsResponseBegun(ReadOnlySpan<byte> line) => line.StartsWith("HTTP/"u8) || "HTTP/"u8.StartsWith(line);

    /// <summary>The parts of a request's line.</summary>
    public static MessageRefusal? SplitRequest(ReadOnlySpan<byte> line, out ReadOnlySpan<byte> method, out ReadOnlySpan<byte> target, out bool isVersion10)
    {
        target = default;
        isVersion10 = false;
        int first = line.IndexOf((byte)' '), last = line.LastIndexOf((byte)' ');
        method = first < 0 ? default : line[..first];
        if (first < 0 || last == first) return MessageRefusal.StartLine;
        if (!Octets.IsToken(method)) return MessageRefusal.Method;
        target = line[(first + 1)..last];
        if (!Octets.IsTarget(target)) return target.IsEmpty || target.Contains((byte)' ') ? MessageRefusal.StartLine : MessageRefusal.Target;
        return ReadVersion(line[(last + 1)..], out isVersion10);
    }

    /// <summary>The status of a response's line. A reason phrase is not kept: HTTP/2 has none, and it means nothing.</summary>
    public static MessageRefusal? ReadResponse(ReadOnlySpan<byte> line, out int status, out bool isVersion10)
    {
        status = 0;
        if (ReadVersion(line.Length > VersionLength ? line[..VersionLength] : line, out isVersion10) is { } refusal) return refusal;
        ReadOnlySpan<byte> rest = line[VersionLength..];

        // Some leave the space before an empty phrase out.
        if (rest.Length < 4 || rest[0] != ' ' || (rest.Length > 4 && rest[4] != ' ')) return MessageRefusal.StartLine;
        ReadOnlySpan<byte> digits = rest[1..4];
        if (digits.ContainsAnyExceptInRange((byte)'0', (byte)'9') || digits[0] == '0') return MessageRefusal.StatusCode;
        status = ((digits[0] - '0') * 100) + ((digits[1] - '0') * 10) + digits[2] - '0';
        return Octets.HasControls(rest[4..]) ? MessageRefusal.ReasonPhrase : null;
    }

    /// <summary>Adds what a target says to a request's fields (RFC 9112, section 3.2).</summary>
    /// <param name="method">The method, which says what form a target may have.</param>
    /// <param name="target">The target.</param>
    /// <param name="host">The value of <c>host</c>; what an absolute target says counts in its place.</param>
    /// <param name="into">Where to.</param>
    public static MessageRefusal? AddTarget(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, ReadOnlySpan<byte> host, HeaderList into)
    {
        into.Add(":method"u8, method);
        if (method.SequenceEqual("CONNECT"u8))
        {
            // A port is needed there.
            if (!Octets.IsHost(target) || target[^1] is < (byte)'0' or > (byte)'9' || !target.Contains((byte)':')) return MessageRefusal.TargetForm;
            into.Add(":authority"u8, target);
            return null;
        }

        if (target[0] == '/' || (target.SequenceEqual("*"u8) && method.SequenceEqual("OPTIONS"u8)))
        {
            if (!host.IsEmpty) into.Add(":authority"u8, host);
            into.Add(":path"u8, target);
            return null;
        }

        return AddAbsolute(method, target, into);
    }

    private static MessageRefusal? AddAbsolute(ReadOnlySpan<byte> method, ReadOnlySpan<byte> target, HeaderList into)
    {
        int colon = target.IndexOf("://"u8);
        ReadOnlySpan<byte> scheme = colon < 0 ? default : target[..colon];
        bool isHttps = Ascii.EqualsIgnoreCase(scheme, "https"u8);
        if (!isHttps && !Ascii.EqualsIgnoreCase(scheme, "http"u8)) return MessageRefusal.TargetForm;
        ReadOnlySpan<byte> rest = target[(colon + 3)..];
        int end = rest.IndexOfAny((byte)'/', (byte)'?');
        ReadOnlySpan<byte> authority = end < 0 ? rest : rest[..end], path = end < 0 ? default : rest[end..];
        if (!Octets.IsHost(authority)) return MessageRefusal.Host;
        into.Add(":scheme"u8, isHttps ? "https"u8 : "http"u8);
        into.Add(":authority"u8, authority);
        if (path.StartsWith("/"u8)) into.Add(":path"u8, path);
        else if (path.IsEmpty) into.Add(":path"u8, method.SequenceEqual("OPTIONS"u8) ? "*"u8 : "/"u8);
        else into.Add(":path"u8, [(byte)'/', .. path]);
        return null;
    }

    // A later minor version is read as 1.1 (RFC 9110, section 2.5).
    private static MessageRefusal? ReadVersion(ReadOnlySpan<byte> text, out bool isVersion10)
    {
        isVersion10 = false;
        if (text.Length != VersionLength || !text.StartsWith("HTTP/"u8) || text[6] != '.' || !IsDigit(text[5]) || !IsDigit(text[7])) return text.StartsWith("HTTP/"u8) ? MessageRefusal.Version : MessageRefusal.StartLine;
        if (text[5] != '1') return MessageRefusal.Version;
        isVersion10 = text[7] == '0';
        return null;
    }

    private static bool IsDigit(byte b) => b is >= (byte)'0' and <= (byte)'9';
}
