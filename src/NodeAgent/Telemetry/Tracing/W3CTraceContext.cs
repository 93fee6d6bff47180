using System.Buffers;

namespace Culvert.NodeAgent.Telemetry.Tracing;

/// <summary>The fields <c>traceparent</c> and <c>tracestate</c> of W3C Trace Context. Allocates nothing.</summary>
internal static class W3CTraceContext
{
    /// <summary>Bytes of a <c>traceparent</c> as it is written.</summary>
    internal const int Length = 55;

    private const byte Sampled = 1;
    private const byte Random = 2;
    private const int MostMembers = 32;
    private const int LongestKey = 256;
    private const int LongestValue = 256;

    private static readonly SearchValues<byte> KeyBytes = SearchValues.Create("abcdefghijklmnopqrstuvwxyz0123456789_-*/@"u8);

    /// <summary>Reads a <c>traceparent</c> (section 3.2); one of a later version as far as this one has it.</summary>
    /// <returns>False when it is none.</returns>
    internal static bool TryRead(ReadOnlySpan<byte> text, out TraceContext context)
    {
        context = default;
        if (text.Length < Length || text[2] != '-' || text[35] != '-' || text[52] != '-') return false;
        if (!Hex.TryRead(text[..2], out ulong version) || version == 0xff) return false;
        if (version == 0 ? text.Length != Length : text.Length > Length && text[Length] != '-') return false;
        if (!Hex.TryRead(text.Slice(3, 16), out ulong high) || !Hex.TryRead(text.Slice(19, 16), out ulong low) || (high | low) == 0) return false;
        if (!Hex.TryRead(text.Slice(36, 16), out ulong span) || span == 0 || !Hex.TryRead(text.Slice(53, 2), out ulong flags)) return false;
        context = new TraceContext(high, low, span, (flags & Sampled) != 0) { OtherFlags = (byte)(flags & Random) };
        return true;
    }

    /// <summary>Writes one of version 00.</summary>
    internal static void Write(in TraceContext context, Span<byte> to)
    {
        "00-"u8.CopyTo(to);
        Hex.Write(context.High, to.Slice(3, 16));
        Hex.Write(context.Low, to.Slice(19, 16));
        to[35] = to[52] = (byte)'-';
        Hex.Write(context.Span, to.Slice(36, 16));
        Hex.Write((ulong)(context.OtherFlags | (context.IsSampled == true ? Sampled : 0)), to.Slice(53, 2));
    }

    /// <summary>Whether a <c>tracestate</c> is one (section 3.3), so that it may be passed on.</summary>
    internal static bool IsState(ReadOnlySpan<byte> text)
    {
        int members = 0;
        foreach (Range range in text.Split((byte)','))
        {
            ReadOnlySpan<byte> member = text[range].Trim(" \t"u8);
            if (member.IsEmpty) continue;
            if (++members > MostMembers || !IsMember(member)) return false;
        }

        return members > 0;
    }

    private static bool IsMember(ReadOnlySpan<byte> member)
    {
        int equals = member.IndexOf((byte)'=');
        if (equals is < 1 or > LongestKey || member.Length - equals - 1 is < 1 or > LongestValue) return false;
        if (member[..equals].IndexOfAnyExcept(KeyBytes) >= 0 || !(char.IsAsciiLetterLower((char)member[0]) || char.IsAsciiDigit((char)member[0]))) return false;
        foreach (byte b in member[(equals + 1)..])
        {
            if (b is < 0x20 or > 0x7e or (byte)'=' or (byte)',') return false;
        }

        return true;
    }
}
