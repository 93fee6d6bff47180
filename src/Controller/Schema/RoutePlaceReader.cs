using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Reads the filters by which something else is asked for: redirects and rewrites.</summary>
internal static class RoutePlaceReader
{
    private const int Found = 302;

    private static readonly int[] Statuses = [301, Found, 303, 307, 308];

    public static HttpRedirect ReadRedirect(FieldReader redirect)
    {
        HttpRedirect read = new()
        {
            Scheme = redirect.String("scheme", Scheme),
            Host = redirect.String("hostname", Names.Subdomain),
            Path = ReadPath(redirect),
            Port = redirect.Port("port"),
            Status = (int)(redirect.Integer("statusCode", 100, 599) ?? Found),
        };
        if (!Statuses.Contains(read.Status)) redirect.Fail("statusCode", $"{read.Status} is not one of {string.Join(", ", Statuses)}");
        redirect.Done();
        return read;
    }

    public static HttpRewrite ReadRewrite(FieldReader rewrite)
    {
        HttpRewrite read = new(rewrite.String("hostname", Names.Subdomain), ReadPath(rewrite));
        if (!rewrite.Has("hostname") && !rewrite.Has("path")) rewrite.Fail("", "has neither hostname nor path, and rewrites nothing");
        rewrite.Done();
        return read;
    }

    private static PathChange? ReadPath(FieldReader filter)
    {
        if (filter.Map("path") is not { } path) return null;
        string type = path.String("type", required: true) ?? "";
        PathChange? read = null;
        switch (type)
        {
            case "ReplaceFullPath": read = new(false, path.String("replaceFullPath", HttpMatchReader.Path, required: true) ?? "/"); break;
            case "ReplacePrefixMatch": read = new(true, path.String("replacePrefixMatch", Prefix, required: true) ?? "/"); break;
            case "": return null;
            default: path.Fail("type", $"'{type}' is not one of ReplaceFullPath, ReplacePrefixMatch"); return null;
        }
        path.Done();
        return read;
    }

    // Nothing in the place of the prefix is the root.
    private static string? Prefix(string text) => text.Length == 0 ? null : HttpMatchReader.Path(text);

    private static string? Scheme(string text) => text is "http" or "https" ? null : $"'{text}' is not one of http, https";
}
