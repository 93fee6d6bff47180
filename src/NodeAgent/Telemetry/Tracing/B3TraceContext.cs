using Culvert.Http2;

namespace Culvert.NodeAgent.Telemetry.Tracing;

/// <summary>What B3 (Zipkin's propagation) says of traces, in one field or in several. Allocates nothing.</summary>
internal static class B3TraceContext
{
    /// <summary>Most bytes of the one field as it is written: both ids, a decision and the parent's.</summary>
    internal const int MostLength = 32 + 1 + 16 + 1 + 1 + 1 + 16;

    /// <summary>Reads the one field <c>b3</c>: <c>{trace}-{span}-{decision}-{parent}</c>, of which the last two may be missing, or a decision alone.</summary>
    /// <returns>False when it is none.</returns>
    internal static bool TryRead(ReadOnlySpan<byte> text, out TraceContext context)
    {
        context = default;
        if (text.Length == 1) return TryDecide(text, ref context);
        int first = text.IndexOf((byte)'-');
        if (first < 0 || !TryReadTrace(text[..first], out ulong high, out ulong low)) return false;
        ReadOnlySpan<byte> rest = text[(first + 1)..];
        if (rest.Length < 16 || !TryReadSpan(rest[..16], out ulong span)) return false;
        context = new TraceContext(high, low, span, null);
        rest = rest[16..];
        if (rest.IsEmpty) return true;
        if (rest.Length < 2 || rest[0] != '-' || !TryDecide(rest.Slice(1, 1), ref context)) return false;
        rest = rest[2..];
        return rest.IsEmpty || (rest[0] == '-' && TryReadSpan(rest[1..], out _));
    }

    /// <summary>Reads the fields <c>x-b3-…</c>.</summary>
    /// <returns>False when they say nothing, or nothing that holds together.</returns>
    internal static bool TryRead(HeaderList request, out TraceContext context)
    {
        context = default;
        bool hasTrace = request.TryGet("x-b3-traceid"u8, out ReadOnlySpan<byte> trace), hasSpan = request.TryGet("x-b3-spanid"u8, out ReadOnlySpan<byte> span);
        if (hasTrace != hasSpan) return false;
        if (hasTrace)
        {
            if (!TryReadTrace(trace, out ulong high, out ulong low) || !TryReadSpan(span, out ulong id)) return false;
            context = new TraceContext(high, low, id, null);
        }

        bool isDebug = request.TryGet("x-b3-flags"u8, out ReadOnlySpan<byte> flags) && flags.SequenceEqual("1"u8);
        if (isDebug) context = context with { IsSampled = true, IsDebug = true };
        else if (request.TryGet("x-b3-sampled"u8, out ReadOnlySpan<byte> sampled) && !TryDecide(sampled.SequenceEqual("true"u8) ? "1"u8 : sampled.SequenceEqual("false"u8) ? "0"u8 : sampled, ref context)) return false;
        return hasTrace || context.IsSampled is not null;
    }

    /// <summary>Writes the one field.</summary>
    /// <param name="context">The context of the new span.</param>
    /// <param name="parent">The span before it; 0: none.</param>
    /// <param name="to">Where to.</param>
    /// <returns>The length.</returns>
    internal static int Write(in TraceContext context, ulong parent, Span<byte> to)
    {
        int length = WriteTrace(context, to);
        to[length++] = (byte)'-';
        Hex.Write(context.Span, to.Slice(length, 16));
        length += 16;
        to[length++] = (byte)'-';
        to[length++] = context.IsDebug ? (byte)'d' : context.IsSampled == true ? (byte)'1' : (byte)'0';
        if (parent == 0) return length;
        to[length++] = (byte)'-';
        Hex.Write(parent, to.Slice(length, 16));
        return length + 16;
    }

    /// <summary>Adds the fields <c>x-b3-…</c>.</summary>
    /// <param name="context">The context of the new span.</param>
    /// <param name="parent">The span before it; 0: none.</param>
    /// <param name="to">The head.</param>
    internal static void Add(in TraceContext context, ulong parent, HeaderList to)
    {
        Span<byte> room = stackalloc byte[32];
        to.Add("x-b3-traceid"u8, room[..WriteTrace(context, room)], neverIndexed: true);
        Hex.Write(context.Span, room[..16]);
        to.Add("x-b3-spanid"u8, room[..16], neverIndexed: true);
        Hex.Write(parent, room[..16]);
        if (parent != 0) to.Add("x-b3-parentspanid"u8, room[..16], neverIndexed: true);
        if (context.IsDebug) to.Add("x-b3-flags"u8, "1"u8);
        else to.Add("x-b3-sampled"u8, context.IsSampled == true ? "1"u8 : "0"u8);
    }

    private static int WriteTrace(in TraceContext context, Span<byte> to)
    {
        int length = 0;
        if (context.High != 0)
        {
            Hex.Write(context.High, to[..16]);
            length = 16;
        }

        Hex.Write(context.Low, to.Slice(length, 16));
        return length + 16;
    }

    private static bool TryReadTrace(ReadOnlySpan<byte> text, out ulong high, out ulong low)
    {
        high = low = 0;
        return text.Length is 16 or 32 && Hex.TryRead(text[^16..], out low) && (text.Length == 16 || Hex.TryRead(text[..16], out high)) && (high | low) != 0;
    }

    private static bool TryReadSpan(ReadOnlySpan<byte> text, out ulong span) => Hex.TryRead(text, out span) && text.Length == 16 && span != 0;

    private static bool TryDecide(ReadOnlySpan<byte> text, ref TraceContext context)
    {
        if (text.Length != 1 || text[0] is not ((byte)'0' or (byte)'1' or (byte)'d')) return false;
        context = context with { IsSampled = text[0] != '0', IsDebug = text[0] == 'd' };
        return true;
    }
}
