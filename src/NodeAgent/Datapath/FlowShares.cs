namespace Culvert.NodeAgent.Datapath;

/// <summary>How the places of the flow table are shared out, so that whoever floods it leaves room for everybody else. Flows; 0: any number. Pure.</summary>
/// <param name="Pod">What one pod may have begun.</param>
/// <param name="Fair">What of that is its own; the rest is lent to it, and taken back from what nobody has answered when the table is full.</param>
/// <param name="External">What all the world outside may have begun.</param>
internal readonly record struct FlowShares(uint Pod, uint Fair, uint External)
{
    // The rest is the pods'. With many of them each may take an eighth of the table: busy ones need more than an even share. What one has beyond that
    // is lent to it, so that a few that flood do not take from all others what is theirs.
    private const uint ExternalPart = 4, PodPart = 8;

    // So many flows from outside may wait for their answer, at most; a handshake is over before so many more have come.
    private const uint MostHalfOpen = 8192, HalfOpenPart = 16;

    /// <summary>The shares of a table.</summary>
    /// <param name="entries">Its entries, two for each flow.</param>
    /// <param name="pods">How many pods share it.</param>
    internal static FlowShares Of(uint entries, int pods)
    {
        uint flows = Math.Max(1, entries / 2), external = Math.Max(1, flows / ExternalPart);
        uint even = (flows - external) / (uint)Math.Max(1, pods);
        return new FlowShares(Math.Max(1, Math.Max(even, flows / PodPart)), Math.Max(1, even), external);
    }

    /// <summary>How many flows that nobody has answered all pods together may have in places lent to them.</summary>
    /// <param name="entries">The table's entries.</param>
    internal static uint Lent(uint entries) => Math.Max(1, entries / 2 / ExternalPart);

    /// <summary>How many flows from outside may be half open at one time.</summary>
    /// <param name="entries">The table's entries.</param>
    internal static uint HalfOpen(uint entries) => Math.Clamp(entries / 2 / HalfOpenPart, 1, MostHalfOpen);
}
