using System.Text.Json;

namespace Culvert.Cni;

/// <summary>The forms of texts in calls. Each check returns what is wrong, as the end of a sentence, or null.</summary>
public static class CniText
{
    private const int LongestId = 200; // bytes; a file of the agent is named after it, and file systems end at 255
    private const int LongestInterface = 15; // IFNAMSIZ of linux/if.h, without the final zero
    private const int LongestPath = 4095; // PATH_MAX of linux/limits.h, without the final zero
    private const int LongestName = 253; // RFC 1123, as names of pods are
    private const int LongestUid = 128;

    /// <summary>Names and texts of a JSON document that are not Unicode, as <c>"\ud800"</c>: they are found when they are read, or written again, which is late.</summary>
    /// <param name="json">JSON, without mistakes.</param>
    public static string? CheckUnicode(ReadOnlySpan<byte> json)
    {
        Utf8JsonReader reader = new(json);
        try
        {
            while (reader.Read())
            {
                if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName) reader.GetString();
            }
            return null;
        }
        catch (InvalidOperationException)
        {
            return $"a text that ends at byte {reader.BytesConsumed} is not Unicode";
        }
    }

    /// <summary>A container's id: a letter or digit, then letters, digits, <c>_ . -</c> (CNI specification 1.1, section 2).</summary>
    public static string? CheckContainerId(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is 0 or > LongestId) return $"has {text.Length} characters, and not 1 to {LongestId}";
        return char.IsAsciiLetterOrDigit(text[0]) && text.All(c => char.IsAsciiLetterOrDigit(c) || c is '_' or '.' or '-') ? null : "is not a letter or digit followed by letters, digits, '_', '.' or '-'";
    }

    /// <summary>The name of an interface, as the kernel takes it.</summary>
    public static string? CheckInterface(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is 0 or > LongestInterface) return $"has {text.Length} characters, and not 1 to {LongestInterface}";
        return text is not ("." or "..") && text.All(c => c is > ' ' and < '\x7f' and not ('/' or ':')) ? null : "is not the name of an interface";
    }

    /// <summary>An absolute path.</summary>
    public static string? CheckPath(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is 0 or > LongestPath) return $"has {text.Length} characters, and not 1 to {LongestPath}";
        return text[0] == '/' && !text.Any(char.IsControl) ? null : "is not an absolute path";
    }

    /// <summary>Name of a pod or a namespace (RFC 1123): lower-case letters, digits, <c>-</c> and <c>.</c>, a letter or digit at both ends.</summary>
    public static string? CheckName(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is 0 or > LongestName) return $"has {text.Length} characters, and not 1 to {LongestName}";
        bool isEnd(char c) => char.IsAsciiLetterLower(c) || char.IsAsciiDigit(c);
        return isEnd(text[0]) && isEnd(text[^1]) && text.All(c => isEnd(c) || c is '-' or '.') ? null : "is not a name of lower-case letters, digits, '-' and '.'";
    }

    /// <summary>The uid that the API server has given a pod: nothing is known of its form but that it is short and printable.</summary>
    public static string? CheckUid(string text)
    {
        ArgumentNullException.ThrowIfNull(text);
        if (text.Length is 0 or > LongestUid) return $"has {text.Length} characters, and not 1 to {LongestUid}";
        return text.All(c => char.IsAsciiLetterOrDigit(c) || c is '-' or '_' or '.' or ':') ? null : "is not a uid";
    }
}
