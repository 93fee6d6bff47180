namespace Culvert.NodeAgent.Hosting;

/// <summary>How long an agent that stops will wait for its connections. Thread-safe.</summary>
internal sealed class DrainClock(TimeProvider time)
{
    private volatile Drain? _drain;

    /// <summary>What is left, not negative; null while the agent is not stopping.</summary>
    internal TimeSpan? Remaining => _drain is { } drain ? TimeSpan.FromTicks(Math.Max(0, (drain.Deadline - time.GetElapsedTime(drain.Began)).Ticks)) : null;

    /// <summary>The agent is stopping, and takes so long at most.</summary>
    internal void Begin(TimeSpan deadline) => _drain = new Drain(time.GetTimestamp(), deadline);

    private sealed record Drain(long Began, TimeSpan Deadline);
}
