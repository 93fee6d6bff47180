using Culvert.Core;

namespace Culvert.Controller.Schema;

/// <summary>Names and values of headers in routes, and the changes that filters make of them.</summary>
internal static class RouteHeaders
{
    private const int Most = 16, LongestName = 256, LongestValue = 4096;

    /// <summary>Checks the name of a header, or of a parameter, which may have the same characters.</summary>
    public static string? Name(string text) => text.Length <= LongestName && HttpToken.Is(text) ? null
        : $"'{text}' is not a name: at most {LongestName} letters, digits and !#$%&'*+-.^_`|~";

    /// <summary>Said of what is listed after its like.</summary>
    public static string Twice(string name) => $"'{name}' is there twice; the first counts";

    /// <summary>Reads the changes of a filter.</summary>
    public static HeaderChanges Read(FieldReader changes)
    {
        EquatableArray<HeaderValue> set = ReadValues(changes, "set"), add = ReadValues(changes, "add");
        EquatableArray<string> remove = changes.List<string>("remove", Removed, mayBeEmpty: true);
        RequestRouteReader.Limit(changes, "remove", remove.Count, Most);
        changes.Done();
        return new(set, add, remove.Distinct().ToEquatableArray());
    }

    private static EquatableArray<HeaderValue> ReadValues(FieldReader changes, string list)
    {
        FieldReader[] readers = [.. changes.Maps(list, mayBeEmpty: true)];
        RequestRouteReader.Limit(changes, list, readers.Length, Most);
        List<HeaderValue> values = [];
        foreach (FieldReader reader in readers)
        {
            string? name = reader.String("name", Changed, required: true), value = reader.String("value", Value, required: true);
            reader.Done();
            if (name is null || value is null) continue;
            HeaderValue header = new(name.ToLowerInvariant(), value);
            if (values.Any(v => v.Name == header.Name)) reader.Note("name", Twice(name));
            else values.Add(header);
        }
        return values.ToEquatableArray();
    }

    private static string? Removed(string text, out string name)
    {
        name = text.ToLowerInvariant();
        return Changed(text);
    }

    // What says where a message ends, or is about one connection, is the proxy's: changed, it would have servers and clients take one request for another.
    public static string? Changed(string text) => text.StartsWith(':') ? $"'{text}' is no header, but a part of what is asked for" : Name(text) ?? text.ToLowerInvariant() switch
    {
        "host" => "'host' is what is asked for; change it by the hostname of a URLRewrite",
        "content-length" or "transfer-encoding" => $"'{text}' says where a message ends, and can't be changed",
        "connection" or "keep-alive" or "proxy-connection" or "te" or "trailer" or "upgrade" => $"'{text}' is about one connection, and can't be changed",
        _ => null,
    };

    private static string? Value(string text)
    {
        if (text.Length is 0 or > LongestValue) return text.Length == 0 ? "is empty" : $"is longer than {LongestValue} characters";
        if (text.AsSpan().ContainsAnyExceptInRange(' ', '~')) return "is not printable ASCII";
        return text.Trim() == text ? null : $"'{text}' has blanks around it, which are no part of a value";
    }
}
