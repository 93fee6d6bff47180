namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>Something that gathers output while events are handled and writes it once at the end of the turn.</summary>
internal interface IFlushable
{
    /// <summary>Set by the loop while it stands in its list.</summary>
    bool IsFlushScheduled { get; set; }

    /// <summary>Writes what has been gathered. Must not throw.</summary>
    void Flush();
}
