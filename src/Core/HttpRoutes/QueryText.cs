namespace Culvert.Core;

/// <summary>Parameters of queries (<c>application/x-www-form-urlencoded</c>): <c>name=value</c>, with <c>&amp;</c> between them; a plus stands for a space. Allocates nothing.</summary>
internal static class QueryText
{
    /// <summary>Finds the first parameter of a name.</summary>
    /// <param name="query">The query.</param>
    /// <param name="name">The name, decoded.</param>
    /// <param name="value">Its value as it is written.</param>
    internal static bool TryFind(ReadOnlySpan<byte> query, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        foreach (Range range in query.Split((byte)'&'))
        {
            ReadOnlySpan<byte> parameter = query[range];
            int equals = parameter.IndexOf((byte)'=');
            value = equals < 0 ? default : parameter[(equals + 1)..];
            if (IsText(equals < 0 ? parameter : parameter[..equals], name) && !parameter.IsEmpty) return true;
        }

        value = default;
        return false;
    }

    /// <summary>Whether what is written stands for a text.</summary>
    internal static bool IsText(ReadOnlySpan<byte> written, ReadOnlySpan<byte> text)
    {
        int at = 0;
        for (int i = 0; i < written.Length; at++)
        {
            if (at == text.Length || Next(written, ref i) != text[at]) return false;
        }

        return at == text.Length;
    }

    /// <summary>Decodes what is written.</summary>
    /// <param name="written">It.</param>
    /// <param name="room">Where to; as long.</param>
    /// <returns>How long the text is.</returns>
    internal static int Decode(ReadOnlySpan<byte> written, Span<byte> room)
    {
        int length = 0;
        for (int i = 0; i < written.Length;) room[length++] = Next(written, ref i);
        return length;
    }

    private static byte Next(ReadOnlySpan<byte> written, ref int i)
    {
        byte b = written[i++];
        if (b == '+') return (byte)' ';
        if (b != '%' || written.Length - i < 2 || !char.IsAsciiHexDigit((char)written[i]) || !char.IsAsciiHexDigit((char)written[i + 1])) return b;
        b = (byte)((ValueOf(written[i]) << 4) | ValueOf(written[i + 1]));
        i += 2;
        return b;
    }

    private static int ValueOf(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
