using System.Buffers;
using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads a match of an HTTPRoute.</summary>
internal static class HttpMatchReader
{
    /// <summary>Most characters of a path.</summary>
    public const int LongestPath = 1024;

    private static readonly string[] Methods = ["GET", "HEAD", "POST", "PUT", "DELETE", "CONNECT", "OPTIONS", "TRACE", "PATCH"];

    // RFC 3986, section 3.3.
    private static readonly SearchValues<char> PathCharacters = SearchValues.Create("/-._~!$&'()*+,;=:@%0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz");

    public static HttpRouteMatch Read(FieldReader match)
    {
        RoutePath path = match.Map("path") is { } reader ? ReadPath(reader) : RoutePath.Any;
        HttpRouteMatch read = new() { Path = path, Method = match.String("method", Method), Headers = RouteFieldReader.Headers(match), QueryParameters = RouteFieldReader.QueryParameters(match) };
        match.Done();
        return read;
    }

    /// <summary>A path as clients ask for it.</summary>
    public static string? Path(string text)
    {
        if (!text.StartsWith('/')) return $"'{text}' does not begin with a slash";
        if (text.Length > LongestPath) return $"is longer than {LongestPath} characters";
        if (text.AsSpan().ContainsAnyExcept(PathCharacters) || !HasWholeEscapes(text)) return $"'{text}' is not a path: letters, digits, %XX and -._~!$&'()*+,;=:@/ are allowed, and the query is no part of it";
        bool isOdd = text.Contains("//", StringComparison.Ordinal) || text.Contains("%2f", StringComparison.OrdinalIgnoreCase) || text.Split('/').Any(s => s is "." or "..");
        return isOdd ? $"'{text}' has an empty segment, '.', '..' or %2F, by which several paths may mean the same" : null;
    }

    private static RoutePath ReadPath(FieldReader path)
    {
        string type = path.String("type") ?? "PathPrefix";
        RoutePathKind? kind = type switch { "Exact" => RoutePathKind.Exact, "PathPrefix" => RoutePathKind.Prefix, "RegularExpression" => RoutePathKind.Expression, _ => null };
        if (kind is null) path.Fail("type", $"'{type}' is not one of Exact, PathPrefix, RegularExpression");
        string value = path.String("value", kind switch { null => null, RoutePathKind.Expression => RouteFieldReader.Expression, _ => Path }) ?? "/";
        path.Done();
        return new(kind ?? RoutePathKind.Prefix, value);
    }

    /// <summary>A method.</summary>
    public static string? Method(string text) => Methods.Contains(text) ? null : $"'{text}' is not one of {string.Join(", ", Methods)}";

    private static bool HasWholeEscapes(string text)
    {
        for (int i = text.IndexOf('%', StringComparison.Ordinal); i >= 0; i = text.IndexOf('%', i + 1))
        {
            if (i + 2 >= text.Length || !char.IsAsciiHexDigit(text[i + 1]) || !char.IsAsciiHexDigit(text[i + 2])) return false;
        }
        return true;
    }
}
