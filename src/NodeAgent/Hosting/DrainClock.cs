namespace Culvert.NodeAgent.Hosting;

/// <summary>How long an agent that stops will wait for its connections. Thread-safe.</summary>
internal sealed class DrainClock(TimeProvider time)
{
    private long _end;

    /// <summary>What is left, not negative; null while the agent is not stopping.</summary>
    internal TimeSpan? Remaining => Interlocked.Read(ref _end) is not 0 and var end ? TimeSpan.FromTicks(Math.Max(0, end - time.GetUtcNow().UtcTicks)) : null;

    /// <summary>The agent is stopping, and takes so long at most.</summary>
    internal void Begin(TimeSpan deadline) => Interlocked.Exchange(ref _end, time.GetUtcNow().UtcTicks + deadline.Ticks);
}
