using System.Buffers;

namespace Culvert.Core;

/// <summary>
/// Paths of requests. What is compared, and what a server gets, is made here of what has come, once: who decides by one form and passes another on decides about something else. Allocates nothing.
/// </summary>
public static class HttpPath
{
    /// <summary>Most readings that a path has (<see cref="Read"/>): in each of these ways, and without a host in each of them.</summary>
    public const int MostReadings = 2 * Ways;

    /// <summary>In how many ways servers read paths.</summary>
    internal const int Ways = 10;

    /// <summary>How much longer a reading may be than the path: a character may become a code.</summary>
    public const int Growth = 3;

    // Of what else there is only one spelling and one reading.
    private static readonly SearchValues<byte> Plain = SearchValues.Create("/!$&'()+,-.:=@_~0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ"u8);

    // The strictest first, then the same with several slashes as one. Of a path that begins with several slashes all once more, as such servers have it that resolve it as a reference (RFC 3986, section 4.2): what follows is a host to them.
    private static readonly Reading[] Readings =
    [
        default, new(MergesSlashes: true),
        new(DecodesSlashes: true), new(DecodesSlashes: true, MergesSlashes: true),
        new(DropsParameters: true), new(DropsParameters: true, MergesSlashes: true),
        new(DecodesSlashes: true, DropsParameters: true), new(DecodesSlashes: true, DropsParameters: true, MergesSlashes: true),
        new(DecodesSlashes: true, DropsParameters: true, DecodesFirst: true), new(DecodesSlashes: true, DropsParameters: true, DecodesFirst: true, MergesSlashes: true),
    ];

    /// <summary>Whether a path is normal, and all servers read it in the same way.</summary>
    /// <param name="path">The path, without the query.</param>
    public static bool IsPlain(ReadOnlySpan<byte> path) => !path.ContainsAnyExcept(Plain) && path.IndexOf("/."u8) < 0 && path.IndexOf("//"u8) < 0;

    /// <summary>
    /// Normalises a path as RFC 3986, section 6.2.2, has it: dot segments are removed, percent-encoded unreserved characters decoded, the digits of others in capitals; and backslashes become slashes. That is what the server gets.
    /// </summary>
    /// <param name="path">The path as it came, without the query. One that does not begin with a slash (<c>*</c>) is left as it is.</param>
    /// <param name="room">Where to; as long as the path.</param>
    /// <param name="length">How long it is then.</param>
    /// <returns>
    /// False when no server should be asked for it: it leads above the root, or has invalid percent-encoding, or an encoded NUL, or a fragment; or a segment that is a dot segment to such servers only as take a code for a slash, or what is
    /// behind a semicolon for no part of it.
    /// </returns>
    public static bool TryNormalize(ReadOnlySpan<byte> path, Span<byte> room, out int length)
    {
        length = path.Length;
        if (!path.StartsWith("/"u8))
        {
            path.CopyTo(room);
            return true;
        }

        return TryDecode(path, room, out length) && TryRemoveDots(room[..length], room, out length) && !HasHiddenDots(room[..length]);
    }

    /// <summary>
    /// Gives one of the readings of a path, for comparing: servers differ in whether codes of slashes and backslashes are slashes, whether several slashes are one, and whether what stands behind a semicolon is a part of its segment.
    /// Characters that a path may have as they are (RFC 3986, section 3.3) are decoded, and others are codes, whichever way they came; <c>*</c> is a code, too, since in patterns it means something.
    /// </summary>
    /// <param name="normal">A path that <see cref="TryNormalize"/> has made.</param>
    /// <param name="reading">Which, from 0, the strictest, to <see cref="MostReadings"/> - 1.</param>
    /// <param name="room">Where to; <see cref="Growth"/> times as long as the path.</param>
    /// <returns>How long it is.</returns>
    public static int Read(ReadOnlySpan<byte> normal, int reading, Span<byte> room)
    {
        Reading how = Readings[reading % Ways];
        if (reading >= Ways) normal = WithoutHost(normal);
        int length = 0;
        bool isDropped = false; // behind a semicolon
        for (int i = 0; i < normal.Length; i++)
        {
            byte b = Next(normal, ref i, out bool isCode);
            bool isCodedSlash = isCode && how.DecodesSlashes && b is (byte)'/' or (byte)'\\';
            if ((b == '/' && !isCode) || (isCodedSlash && (how.DecodesFirst || !isDropped)))
            {
                isDropped = false;
                if (!how.MergesSlashes || length == 0 || room[length - 1] != '/') room[length++] = (byte)'/';
                continue;
            }

            isDropped |= how.DropsParameters && !isCode && b == ';';
            if (isDropped) continue;
            if (IsComparedAsItIs(b) || (b == ';' && !isCode)) room[length++] = b;
            else length += WriteCode(b, room[length..]);
        }

        return length;
    }

    /// <summary>Whether a path may be a host and a path to servers.</summary>
    /// <param name="normal">A path that <see cref="TryNormalize"/> has made.</param>
    internal static bool MayHaveHost(ReadOnlySpan<byte> normal) => normal.StartsWith("//"u8);

    private static ReadOnlySpan<byte> WithoutHost(ReadOnlySpan<byte> normal)
    {
        if (!MayHaveHost(normal)) return normal;
        ReadOnlySpan<byte> host = normal.TrimStart((byte)'/');
        int end = host.IndexOf((byte)'/');
        return end < 0 ? "/"u8 : host[end..];
    }

    private static bool TryDecode(ReadOnlySpan<byte> path, Span<byte> room, out int length)
    {
        length = 0;
        for (int i = 0; i < path.Length; i++)
        {
            byte b = path[i];
            if (b == '#') return false;
            if (b != '%')
            {
                room[length++] = b == '\\' ? (byte)'/' : b;
                continue;
            }

            // A percent sign without a code could become one with what is decoded behind it.
            if (!TryReadCode(path[i..], out b) || b == 0) return false;
            i += 2;
            if (IsUnreserved(b)) room[length++] = b;
            else length += WriteCode(b, room[length..]);
        }

        return true;
    }

    // RFC 3986, section 5.2.4, in place: what is written is never longer than what was read.
    private static bool TryRemoveDots(ReadOnlySpan<byte> path, Span<byte> room, out int length)
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
            else if (!segment.SequenceEqual("."u8))
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

    // Dots between such as only some servers take for the ends of a segment.
    private static bool HasHiddenDots(ReadOnlySpan<byte> normal)
    {
        int dots = 0;
        bool isOther = false;
        for (int i = 0; i < normal.Length; i++)
        {
            byte b = Next(normal, ref i, out bool isCode);
            bool isEnd = b is (byte)'/' or (byte)'\\' || (b == ';' && !isCode);
            if (isEnd && !isOther && dots is 1 or 2) return true;
            if (isEnd) (dots, isOther) = (0, b == ';');
            else if (b == '.' && !isCode && !isOther) dots++;
            else isOther = true;
        }

        return !isOther && dots is 1 or 2;
    }

    // A character, or what a code stands for; i is at its last byte then.
    private static byte Next(ReadOnlySpan<byte> normal, ref int i, out bool isCode)
    {
        byte b = normal[i];
        isCode = b == '%' && TryReadCode(normal[i..], out b);
        if (isCode) i += 2;
        return b;
    }

    private static bool TryReadCode(ReadOnlySpan<byte> text, out byte decoded)
    {
        decoded = (byte)'%';
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

    private static bool IsComparedAsItIs(byte b) => b != '/' && Plain.Contains(b);

    private static int HexOf(byte digit) => digit <= '9' ? digit - '0' : (digit | 0x20) - 'a' + 10;

    /// <summary>How a server reads paths.</summary>
    /// <param name="DecodesSlashes">Codes of slashes and backslashes are slashes.</param>
    /// <param name="DropsParameters">What stands behind a semicolon is no part of its segment.</param>
    /// <param name="DecodesFirst">Of both, whether a coded slash ends what stands behind a semicolon; otherwise that ends at the next slash that is none of a code.</param>
    /// <param name="MergesSlashes">Several slashes are one.</param>
    private readonly record struct Reading(bool DecodesSlashes = false, bool DropsParameters = false, bool DecodesFirst = false, bool MergesSlashes = false);
}
