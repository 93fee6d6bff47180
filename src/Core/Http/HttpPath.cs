using System.Buffers;

namespace Culvert.Core;

/// <summary>Paths of requests.</summary>
public static class HttpPath
{
    /// <summary>What paths have in them of which there may be more than one reading; others are in their normal form.</summary>
    private static readonly SearchValues<byte> Special = SearchValues.Create("%\\;#"u8);

    /// <summary>Whether all servers read a path in the same way, so that it need not be normalised.</summary>
    /// <param name="path">The path, without the query.</param>
    public static bool IsPlain(ReadOnlySpan<byte> path) => !path.ContainsAny(Special) && path.IndexOf("/."u8) < 0 && path.IndexOf("//"u8) < 0;

    /// <summary>
    /// Normalises a path: policy decides by what it is then, and the server gets that. Who decides by one form and passes another on decides about something else. Allocates nothing.
    /// </summary>
    /// <remarks>
    /// As RFC 3986, section 6.2.2, has it: dot segments are removed, codes of unreserved characters decoded, others written with capitals; and backslashes become slashes. Read leniently, as some servers do, codes of slashes and
    /// backslashes are slashes as well, several slashes are one, and what stands behind a semicolon is no part of its segment: where that is another path, policy has to allow both.
    /// </remarks>
    /// <param name="path">The path as it came, without the query. One that does not begin with a slash (<c>*</c>) is left as it is.</param>
    /// <param name="isLenient">How it is read.</param>
    /// <param name="room">Where to; as long as the path.</param>
    /// <param name="length">How long it is then.</param>
    /// <returns>False when no server should be asked for it: it leads above the root, or has a code that is none, or of NUL, or a fragment, which no request has.</returns>
    public static bool TryNormalize(ReadOnlySpan<byte> path, bool isLenient, Span<byte> room, out int length)
    {
        length = path.Length;
        if (!path.StartsWith("/"u8))
        {
            path.CopyTo(room);
            return true;
        }

        return TryDecode(path, isLenient, room, out length) && TryRemoveDots(room[..length], isLenient, room, out length);
    }

    private static bool TryDecode(ReadOnlySpan<byte> path, bool isLenient, Span<byte> room, out int length)
    {
        length = 0;
        bool isDropped = false; // behind a semicolon
        for (int i = 0; i < path.Length; i++)
        {
            byte b = path[i];
            bool isCode = b == '%';
            if (b == '#') return false;
            if (isCode)
            {
                // A percent sign without a code could become one with what is decoded behind it.
                if (!TryReadCode(path[i..], out b) || b == 0) return false;
                i += 2;
            }

            if (b is (byte)'/' or (byte)'\\' && (!isCode || isLenient))
            {
                isDropped = false;
                room[length++] = (byte)'/';
                continue;
            }

            isDropped |= isLenient && !isCode && b == ';';
            if (isDropped) continue;
            if (isCode && !IsUnreserved(b)) length += WriteCode(b, room[length..]);
            else room[length++] = b;
        }

        return true;
    }

    // RFC 3986, section 5.2.4, in place: what is written is never longer than what was read.
    private static bool TryRemoveDots(ReadOnlySpan<byte> path, bool mergesSlashes, Span<byte> room, out int length)
    {
        length = 0;
        for (int at = 0; at < path.Length;)
        {
            // Each segment with the slash in front of it.
            int end = path[(at + 1)..].IndexOf((byte)'/');
            end = end < 0 ? path.Length : at + 1 + end;
            ReadOnlySpan<byte> segment = path[(at + 1)..end];
            bool isLast = end == path.Length;
            at = end;
            if (segment.SequenceEqual(".."u8))
            {
                if (length == 0) return false;
                length = room[..length].LastIndexOf((byte)'/');
            }
            else if (!segment.SequenceEqual("."u8) && (!mergesSlashes || !segment.IsEmpty || isLast))
            {
                room[length++] = (byte)'/';
                segment.CopyTo(room[length..]);
                length += segment.Length;
                continue;
            }

            // A dot segment at the end leaves its slash.
            if (isLast) room[length++] = (byte)'/';
        }

        return true;
    }

    private static bool TryReadCode(ReadOnlySpan<byte> text, out byte decoded)
    {
        decoded = 0;
        if (text.Length < 3 || !char.IsAsciiHexDigit((char)text[1]) || !char.IsAsciiHexDigit((char)text[2])) return false;
        decoded = (byte)((HexOf(text[1]) << 4) | HexOf(text[2]));
        return true;
    }

    private static int WriteCode(byte decoded, Span<byte> room)
    {
        room[0] = (byte)'%';
        room[1] = "0123456789ABCDEF"u8[decoded >> 4];
        room[2] = "0123456789ABCDEF"u8[decoded & 15];
        return 3;
    }

    private static bool IsUnreserved(byte b) => char.IsAsciiLetterOrDigit((char)b) || b is (byte)'-' or (byte)'.' or (byte)'_' or (byte)'~';

    private static int HexOf(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;
}
