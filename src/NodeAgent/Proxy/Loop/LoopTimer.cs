namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>A timer of one loop; reusable. Belongs to the loop's thread.</summary>
/// <param name="elapsed">Called on the loop when the time is over; gets <paramref name="state"/>.</param>
/// <param name="state">Passed on.</param>
internal sealed class LoopTimer(Action<object?> elapsed, object? state)
{
    internal LoopTimer? Next { get; set; }

    internal LoopTimer? Previous { get; set; }

    /// <summary>Place in the wheel; -1 when not scheduled.</summary>
    internal int Bucket { get; set; } = -1;

    /// <summary>The tick at which it elapses.</summary>
    internal long DueTick { get; set; }

    /// <summary>Whether it is scheduled.</summary>
    internal bool IsScheduled => Bucket >= 0;

    internal void Fire() => elapsed(state);
}
