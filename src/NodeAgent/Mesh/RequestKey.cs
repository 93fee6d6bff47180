using System.Globalization;
using System.Text;
using Culvert.Core;

namespace Culvert.NodeAgent.Mesh;

/// <summary>Numbers that tell apart what requests say of themselves, equal on every node. Pure.</summary>
internal static class RequestKey
{
    /// <summary>That of the value of a header; null when the request has none.</summary>
    /// <param name="fields">The request's header lines.</param>
    /// <param name="name">The header's name, in lower case.</param>
    internal static ulong? OfHeader(IRequestFields fields, string name)
    {
        for (int i = 0; i < fields.Count; i++)
        {
            fields.Get(i, out ReadOnlySpan<byte> field, out ReadOnlySpan<byte> value);
            if (Ascii.Equals(field, name)) return value.IsEmpty ? null : Of(value);
        }
        return null;
    }

    /// <summary>That of the value of a cookie (RFC 6265, section 5.4); null when the request has none.</summary>
    /// <param name="fields">The request's header lines.</param>
    /// <param name="name">The cookie's name.</param>
    internal static ulong? OfCookie(IRequestFields fields, string name)
    {
        for (int i = 0; i < fields.Count; i++)
        {
            fields.Get(i, out ReadOnlySpan<byte> field, out ReadOnlySpan<byte> cookies);
            if (!field.SequenceEqual("cookie"u8)) continue;
            foreach (Range range in cookies.Split((byte)';'))
            {
                ReadOnlySpan<byte> cookie = cookies[range].Trim(" \t"u8);
                if (cookie.Length > name.Length + 1 && cookie[name.Length] == '=' && Ascii.Equals(cookie[..name.Length], name)) return Of(cookie[(name.Length + 1)..]);
            }
        }
        return null;
    }

    /// <summary>Makes a cookie for a client that has none.</summary>
    /// <param name="cookie">Its name, and how long it is kept, which must be said.</param>
    /// <param name="random">Draws its value.</param>
    /// <param name="key">The number of its value.</param>
    /// <returns>The value of <c>set-cookie</c>.</returns>
    internal static string Make(AffinityCookie cookie, Random random, out ulong key)
    {
        const int Characters = 16;
        Span<byte> value = stackalloc byte[Characters];
        ((ulong)random.NextInt64(long.MinValue, long.MaxValue)).TryFormat(value, out _, "x16", CultureInfo.InvariantCulture);
        key = Of(value);
        string life = cookie.Life is { Ticks: > 0 } kept ? string.Create(CultureInfo.InvariantCulture, $"; Max-Age={(long)kept.TotalSeconds}") : "";
        return $"{cookie.Name}={Encoding.ASCII.GetString(value)}; Path=/{life}; HttpOnly";
    }

    // FNV-1a of 64 bits, which whoever uses it mixes.
    private static ulong Of(ReadOnlySpan<byte> text)
    {
        ulong hash = 0xCBF2_9CE4_8422_2325;
        foreach (byte character in text) hash = (hash ^ character) * 0x0000_0100_0000_01B3;
        return hash;
    }
}
