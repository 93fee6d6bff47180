using Culvert.Http2;

namespace Culvert.NodeAgent.Telemetry.Tracing;

/// <summary>What heads of requests say of traces. What is none is treated as if it were not there, and is not passed on. Allocates nothing once lists have grown.</summary>
internal static class TraceHeaders
{
    /// <summary>Reads what a request says; where several forms say something, W3C's counts before B3, and the one field of B3 before the others.</summary>
    /// <param name="request">The request's head.</param>
    /// <param name="context">What it says; nothing where there is no form.</param>
    /// <returns>The forms that say something.</returns>
    internal static TraceForms Read(HeaderList request, out TraceContext context)
    {
        TraceForms forms = TraceForms.None;
        context = default;
        if (TryGetOnly(request, "traceparent"u8, out ReadOnlySpan<byte> parent) && W3CTraceContext.TryRead(parent, out context)) forms |= TraceForms.W3C;
        if (TryGetOnly(request, "b3"u8, out ReadOnlySpan<byte> single) && B3TraceContext.TryRead(single, out TraceContext b3)) Take(TraceForms.B3, b3, ref forms, ref context);
        if (B3TraceContext.TryRead(request, out b3)) Take(TraceForms.B3Multi, b3, ref forms, ref context);
        return forms;
    }

    /// <summary>Writes a head as a server gets it: each form that the request came with says the new span; W3C's where there was none.</summary>
    /// <param name="head">The head without it.</param>
    /// <param name="forms">The forms.</param>
    /// <param name="context">The context of the new span.</param>
    /// <param name="parent">The span before it; 0: none.</param>
    /// <param name="to">Where to; what was there is gone.</param>
    internal static void Write(HeaderList head, TraceForms forms, in TraceContext context, ulong parent, HeaderList to)
    {
        to.Clear();
        bool hasState = (forms & TraceForms.W3C) != TraceForms.None;
        for (int i = 0; i < head.Count; i++)
        {
            HeaderView field = head[i];
            if (!IsOfTraces(field.Name) || (hasState && field.Name.SequenceEqual("tracestate"u8) && W3CTraceContext.IsState(field.Value))) to.Add(field.Name, field.Value, field.NeverIndexed);
        }

        Span<byte> room = stackalloc byte[B3TraceContext.MostLength];
        if (forms == TraceForms.None || hasState)
        {
            W3CTraceContext.Write(context, room);
            to.Add("traceparent"u8, room[..W3CTraceContext.Length], neverIndexed: true); // none is sent twice: it has no place in a table of those that are
        }

        if ((forms & TraceForms.B3) != TraceForms.None) to.Add("b3"u8, room[..B3TraceContext.Write(context, parent, room)], neverIndexed: true);
        if ((forms & TraceForms.B3Multi) != TraceForms.None) B3TraceContext.Add(context, parent, to);
    }

    private static void Take(TraceForms form, in TraceContext said, ref TraceForms forms, ref TraceContext context)
    {
        if (forms == TraceForms.None) context = said;
        forms |= form;
    }

    // A field that is there twice says nothing.
    private static bool TryGetOnly(HeaderList request, ReadOnlySpan<byte> name, out ReadOnlySpan<byte> value)
    {
        value = default;
        int count = 0;
        for (int i = 0; i < request.Count; i++)
        {
            if (!request[i].Name.SequenceEqual(name)) continue;
            value = request[i].Value;
            count++;
        }

        return count == 1;
    }

    private static bool IsOfTraces(ReadOnlySpan<byte> name)
    {
        if (name.IsEmpty || name[0] is not ((byte)'t' or (byte)'b' or (byte)'x')) return false;
        return name.SequenceEqual("traceparent"u8) || name.SequenceEqual("tracestate"u8) || name.SequenceEqual("b3"u8) || name.SequenceEqual("x-b3-traceid"u8) || name.SequenceEqual("x-b3-spanid"u8)
            || name.SequenceEqual("x-b3-parentspanid"u8) || name.SequenceEqual("x-b3-sampled"u8) || name.SequenceEqual("x-b3-flags"u8);
    }
}
