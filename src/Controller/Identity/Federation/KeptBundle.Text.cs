using System.Text.Json;

namespace Culvert.Controller.Identity.Federation;

/// <content>How one is written down: JSON, of which nothing is there twice.</content>
internal sealed partial record KeptBundle
{
    // Of what a bundle says, once more in base64 at most.
    private const int MostDepth = 8;

    private static readonly JsonDocumentOptions Strict = new() { MaxDepth = MostDepth, AllowDuplicateProperties = false };

    /// <summary>Reads what <see cref="Write"/> has written.</summary>
    /// <exception cref="InvalidDataException">It is damaged.</exception>
    public static KeptBundle Read(string text)
    {
        try
        {
            using JsonDocument document = JsonDocument.Parse(text, Strict);
            JsonElement kept = document.RootElement;
            BundleDocument bundle = new()
            {
                Sequence = NumberOf(kept, "sequence"u8),
                RefreshHint = NumberOf(kept, "hintSeconds"u8) is { } hint ? TimeSpan.FromSeconds(Math.Min(hint, int.MaxValue)) : null,
                Roots = [.. kept.GetProperty("roots"u8).EnumerateArray().Index().Select(r => BundleDocument.CheckRoot(r.Item.GetBytesFromBase64(), $"root {r.Index + 1}"))],
            };
            return new(bundle, kept.GetProperty("file"u8).GetString(), NumberOf(kept, "floor"u8), kept.GetProperty("at"u8).GetDateTimeOffset())
            {
                Missing = kept.TryGetProperty("missing"u8, out JsonElement missing) ? [.. missing.EnumerateArray().Select(d => Convert.ToHexStringLower(d.GetBytesFromBase64()))] : [],
                NotNamedSince = kept.TryGetProperty("notNamedSince"u8, out JsonElement since) ? since.GetDateTimeOffset() : null,
            };
        }
        catch (Exception e) when (e is JsonException or InvalidOperationException or KeyNotFoundException or FormatException)
        {
            throw new InvalidDataException(e.Message, e);
        }
    }

    /// <summary>The text, in UTF-8. Certificates are told as they are, whatever keys they have.</summary>
    public byte[] Write()
    {
        using MemoryStream stream = new();
        using (Utf8JsonWriter writer = new(stream))
        {
            writer.WriteStartObject();
            writer.WriteString("file"u8, FileDigest);
            WriteNumber(writer, "floor"u8, Floor);
            WriteNumber(writer, "sequence"u8, Document.Sequence);
            WriteNumber(writer, "hintSeconds"u8, (ulong?)Document.RefreshHint?.TotalSeconds);
            writer.WriteString("at"u8, At);
            if (NotNamedSince is { } since) writer.WriteString("notNamedSince"u8, since);
            writer.WriteStartArray("roots"u8);
            foreach (ReadOnlyMemory<byte> root in Document.Roots) writer.WriteBase64StringValue(root.Span);
            writer.WriteEndArray();
            if (IsPart)
            {
                writer.WriteStartArray("missing"u8);
                foreach (string digest in Missing) writer.WriteBase64StringValue(Convert.FromHexString(digest));
                writer.WriteEndArray();
            }
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }

    private static ulong? NumberOf(JsonElement kept, ReadOnlySpan<byte> name) => kept.GetProperty(name) is { ValueKind: not JsonValueKind.Null } number ? number.GetUInt64() : null;

    private static void WriteNumber(Utf8JsonWriter writer, ReadOnlySpan<byte> name, ulong? number)
    {
        if (number is { } known) writer.WriteNumber(name, known);
        else writer.WriteNull(name);
    }
}
