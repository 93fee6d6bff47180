using System.Text.Json;

namespace Culvert.Cni;

/// <summary>Reads fields of a configuration.</summary>
internal static class CniFields
{
    private const int LongestQuote = 64;

    /// <summary>A text; null where there is none.</summary>
    /// <exception cref="CniException">Something else is there.</exception>
    internal static string? Text(JsonElement of, string name, string within = "")
    {
        if (!of.TryGetProperty(name, out JsonElement value) || value.ValueKind == JsonValueKind.Null) return null;
        if (value.ValueKind != JsonValueKind.String) throw Wrong(within + name, "is not a text");
        return value.GetString();
    }

    internal static CniException Wrong(string field, string what) => new(CniErrorCode.InvalidConfiguration, $"{field}: {what}");

    internal static string Shorten(string text) => text.Length <= LongestQuote ? text : text[..LongestQuote];
}
