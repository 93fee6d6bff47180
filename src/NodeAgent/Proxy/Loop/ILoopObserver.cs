namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>Hears from event loops, on their threads. Must not allocate per call nor throw.</summary>
internal interface ILoopObserver
{
    /// <summary>One turn of a loop is over.</summary>
    /// <param name="loop">The loop's index.</param>
    /// <param name="busy">Time from the wake-up to the end of the turn: the longest an event may have waited.</param>
    /// <param name="events">Events handled.</param>
    void OnLoopTurn(int loop, TimeSpan busy, int events);

    /// <summary>Code on the loop threw; the loop goes on.</summary>
    /// <param name="loop">The loop's index.</param>
    /// <param name="exception">What was thrown.</param>
    void OnLoopFault(int loop, Exception exception);
}
