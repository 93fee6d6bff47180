namespace Culvert.Core;

/// <summary>Entity tags (RFC 9110, section 8.8.3).</summary>
public static class EntityTags
{
    /// <summary>Whether a text is one.</summary>
    public static bool IsTag(ReadOnlySpan<byte> text) => !text.IsEmpty && LengthOf(text) == text.Length;

    /// <summary>Whether a list, as <c>if-none-match</c> has it, names a tag, by the weak comparison: that is what <c>if-none-match</c> asks for (RFC 9110, section 13.1.2).</summary>
    /// <param name="list">The list; one that can't be read names nothing beyond where that is so.</param>
    /// <param name="tag">The tag; empty: there is none, and only <c>*</c> matches.</param>
    public static bool Names(ReadOnlySpan<byte> list, ReadOnlySpan<byte> tag)
    {
        list = list.Trim(" \t"u8);
        if (list.SequenceEqual("*"u8)) return true;
        while (!list.IsEmpty)
        {
            if (list[0] is (byte)',' or (byte)' ' or (byte)'\t')
            {
                list = list[1..];
                continue;
            }

            int length = LengthOf(list);
            if (length == 0) return false;
            if (!tag.IsEmpty && OpaqueOf(list[..length]).SequenceEqual(OpaqueOf(tag))) return true;
            list = list[length..];
        }
        return false;
    }

    private static ReadOnlySpan<byte> OpaqueOf(ReadOnlySpan<byte> tag) => tag.StartsWith("W/"u8) ? tag[2..] : tag;

    // 0: the text does not begin with one.
    private static int LengthOf(ReadOnlySpan<byte> text)
    {
        ReadOnlySpan<byte> opaque = OpaqueOf(text);
        if (opaque.Length < 2 || opaque[0] != '"') return 0;
        int end = opaque[1..].IndexOf((byte)'"');
        return end < 0 ? 0 : text.Length - opaque.Length + end + 2;
    }
}
