using System.Text;
using System.Text.Json;

namespace Culvert.Controller.Identity.Federation;

/// <summary>The bundle of a trust domain that is in force, and what has to be known to replace it. Immutable.</summary>
/// <param name="Document">The bundle.</param>
/// <param name="FileDigest">Digest of the file that has brought a bundle last; null: none has. When the file is another one, its bundle takes the place of what is in force.</param>
/// <param name="Floor">The highest sequence that was told since that file: what has a lower one, or none, is older; null: none was.</param>
/// <param name="At">When it was taken.</param>
internal sealed record KeptBundle(BundleDocument Document, string? FileDigest, ulong? Floor, DateTimeOffset At)
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
                JwtKeys = [.. kept.GetProperty("jwtKeys"u8).EnumerateArray().Select(k => k.GetRawText())],
            };
            return new(bundle, kept.GetProperty("file"u8).GetString(), NumberOf(kept, "floor"u8), kept.GetProperty("at"u8).GetDateTimeOffset());
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
            writer.WriteStartArray("roots"u8);
            foreach (ReadOnlyMemory<byte> root in Document.Roots) writer.WriteBase64StringValue(root.Span);
            writer.WriteEndArray();
            writer.WriteStartArray("jwtKeys"u8);
            foreach (string key in Document.JwtKeys) writer.WriteRawValue(Encoding.UTF8.GetBytes(key));
            writer.WriteEndArray();
            writer.WriteEndObject();
        }
        return stream.ToArray();
    }

    /// <summary>Whether another controller's takes this one's place: it knows a higher sequence, or where there is none, has asked later. What files bring is each controller's own to read.</summary>
    public bool IsOlderThan(KeptBundle other) => FileDigest == other.FileDigest && ((Floor ?? 0, Floor is not null, At).CompareTo((other.Floor ?? 0, other.Floor is not null, other.At)) < 0);

    private static ulong? NumberOf(JsonElement kept, ReadOnlySpan<byte> name) => kept.GetProperty(name) is { ValueKind: not JsonValueKind.Null } number ? number.GetUInt64() : null;

    private static void WriteNumber(Utf8JsonWriter writer, ReadOnlySpan<byte> name, ulong? number)
    {
        if (number is { } known) writer.WriteNumber(name, known);
        else writer.WriteNull(name);
    }
}
