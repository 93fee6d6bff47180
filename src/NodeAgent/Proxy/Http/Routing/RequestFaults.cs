namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>What one request is made to suffer by its Service's TrafficPolicy, before a backend gets it: drawn once, at its first try, whatever becomes of it then. Belongs to its loop's thread.</summary>
internal struct RequestFaults
{
    private bool _isDelayDrawn;
    private bool _isAbortDrawn; // both also where there was nothing to draw: what other Services say at later tries is not for it

    /// <summary>Whether it waits for its time: where it goes is found anew after it.</summary>
    internal bool IsWaiting { get; private set; }

    /// <summary>Whether it waits for longer than its route allows: it goes nowhere after it, however exact its timer was.</summary>
    internal bool IsTooLong { get; private set; }

    /// <summary>It has waited.</summary>
    internal void EndWait() => IsWaiting = false;

    /// <summary>How long it is to wait before it goes on; null: not at all.</summary>
    /// <param name="direction">Where it goes.</param>
    /// <param name="elapsed">How long it has taken; it waits no longer than its route allows.</param>
    internal TimeSpan? Delay(in RequestDirection direction, TimeSpan elapsed)
    {
        if (_isDelayDrawn) return null;
        _isDelayDrawn = true;
        if (direction.Route.Requests?.Port.Settings.Faults is not { } faults || !IsDrawn(faults.DelayPercent)) return null;
        IsWaiting = true;
        TimeSpan left = direction.TimeLeft(elapsed);
        IsTooLong = faults.Delay >= left;
        return IsTooLong ? left : faults.Delay;
    }

    /// <summary>What it is answered with in the place of a backend; null: a backend gets it.</summary>
    /// <param name="direction">Where it goes.</param>
    internal RequestRefusal? Abort(in RequestDirection direction)
    {
        if (_isAbortDrawn) return null;
        _isAbortDrawn = true;
        if (direction.Route.Requests?.Port.Settings is not { Faults: { } faults } settings) return null;
        return IsDrawn(faults.AbortPercent) ? RequestRefusal.Injected(faults.AbortStatus, settings.Policy) : null;
    }

    private static bool IsDrawn(int percent) => percent > 0 && Random.Shared.Next(100) < percent;
}
