using System.Diagnostics.CodeAnalysis;
using System.Text.Json;
using System.Text.Unicode;

namespace Culvert.Core;

/// <summary>Objects of JSON from those who are not trusted: valid UTF-8, no comments, no trailing commas, no member twice, not deep. Pure.</summary>
internal static class StrictJson
{
    /// <summary>How deep values may lie.</summary>
    internal const int MostDepth = 8;

    private static readonly JsonDocumentOptions Options = new() { MaxDepth = MostDepth, AllowDuplicateProperties = false, AllowTrailingCommas = false, CommentHandling = JsonCommentHandling.Disallow };

    /// <summary>Reads an object.</summary>
    /// <param name="utf8">The text; bounded by the caller.</param>
    /// <param name="document">It; to be disposed of.</param>
    /// <returns>False when it is not such an object.</returns>
    internal static bool TryRead(ReadOnlyMemory<byte> utf8, [NotNullWhen(true)] out JsonDocument? document)
    {
        document = null;
        if (!Utf8.IsValid(utf8.Span)) return false;
        try
        {
            document = JsonDocument.Parse(utf8, Options);
        }
        catch (Exception exception) when (exception is JsonException or InvalidOperationException)
        {
            return false; // the latter of a name with an escaped surrogate without its other half
        }

        if (document.RootElement.ValueKind == JsonValueKind.Object) return true;
        document.Dispose();
        document = null;
        return false;
    }

    /// <summary>A text of an object's member.</summary>
    /// <param name="value">The value.</param>
    /// <param name="text">The text.</param>
    /// <returns>False when it is none, or half of a surrogate pair is in it.</returns>
    internal static bool TryGetText(JsonElement value, [NotNullWhen(true)] out string? text)
    {
        text = null;
        if (value.ValueKind != JsonValueKind.String) return false;
        try
        {
            text = value.GetString()!;
            return true;
        }
        catch (InvalidOperationException)
        {
            return false; // an escaped surrogate without its other half
        }
    }

    /// <summary>The name of a member.</summary>
    /// <returns>False when half of a surrogate pair is in it.</returns>
    internal static bool TryGetName(JsonProperty member, [NotNullWhen(true)] out string? name)
    {
        try
        {
            name = member.Name;
            return true;
        }
        catch (InvalidOperationException)
        {
            name = null;
            return false;
        }
    }
}
