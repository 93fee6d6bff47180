namespace Culvert.NodeAgent.Telemetry.Tracing;

/// <summary>Which trace a request belongs to, and which span of it the request was sent by.</summary>
/// <param name="High">The first half of the trace's id; 0 where it has 64 bits only.</param>
/// <param name="Low">The second half.</param>
/// <param name="Span">The span's id; 0: there is none.</param>
/// <param name="IsSampled">Whether the trace is recorded; null: nobody has decided yet.</param>
internal readonly record struct TraceContext(ulong High, ulong Low, ulong Span, bool? IsSampled)
{
    /// <summary>Whether it is recorded with every detail, whatever is drawn (B3's debug flag).</summary>
    internal bool IsDebug { get; init; }

    /// <summary>The further flags of W3C Trace Context that were set: level 2 has one, of random trace ids, which is passed on.</summary>
    internal byte OtherFlags { get; init; }

    /// <summary>Whether there is a trace; else only a decision, as B3 may have it alone.</summary>
    internal bool HasTrace => (High | Low) != 0;
}
