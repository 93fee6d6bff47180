using System.Buffers;
using System.Text.Json;

namespace Culvert.Controller.Admission;

/// <summary>How much memory a review takes at most while it is answered, told from its bytes before anything is made of them: a few megabytes of very many small values take hundreds. Pure.</summary>
internal static class ReviewCost
{
    // Measured with .NET 10.0 on reviews of 60,000 equal values of each place of a schema, as the most that was alive at a time (GC.GetTotalMemory(true), again and again while they were read): an object of a list
    // of mappings 620 bytes, of which its reader has most; a name or a list 340 and less; a string or a number 240 and less. Texts are in memory as UTF-16, and for a moment more often than once.
    private const long Object = 800, Other = 250, Byte = 8;

    /// <summary>It in bytes, rounded up.</summary>
    /// <param name="review">The review.</param>
    /// <param name="maxDepth">How deep it may be.</param>
    /// <exception cref="JsonException">It is no JSON, or deeper, or a text in it has half of a surrogate pair (<c>"\ud800"</c>), which no string can hold.</exception>
    public static long Of(ReadOnlySpan<byte> review, int maxDepth)
    {
        Utf8JsonReader reader = new(review, new() { MaxDepth = maxDepth });
        long cost = review.Length * Byte;
        while (reader.Read())
        {
            if (reader.TokenType is JsonTokenType.String or JsonTokenType.PropertyName && reader.ValueIsEscaped) RequireWhole(ref reader);
            cost += reader.TokenType switch
            {
                JsonTokenType.StartObject => Object,
                JsonTokenType.EndObject or JsonTokenType.EndArray => 0,
                _ => Other,
            };
        }
        return cost;
    }

    // JsonElement.GetString throws InvalidOperationException for it, wherever the text is read later.
    private static void RequireWhole(ref Utf8JsonReader reader)
    {
        if (reader.ValueSpan.IndexOf("\\u"u8) < 0) return;
        char[] text = ArrayPool<char>.Shared.Rent(reader.ValueSpan.Length);
        try
        {
            _ = reader.CopyString(text);
        }
        catch (InvalidOperationException e)
        {
            throw new JsonException($"the text at byte {reader.TokenStartIndex} has half of a surrogate pair", e);
        }
        finally
        {
            ArrayPool<char>.Shared.Return(text);
        }
    }
}
