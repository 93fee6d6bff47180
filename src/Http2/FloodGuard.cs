namespace Culvert.Http2;

/// <summary>
/// Counts what costs this side work without moving data. Control frames build up debt; useful frames and time pay it off. Resets are counted per period.
/// The clock is read only for resets and when the debt is at its limit.
/// </summary>
internal sealed class FloodGuard(Http2Options options, TimeProvider time)
{
    private const int PaidByUsefulFrame = 4;

    private int _debt;
    private long _debtSince = time.GetTimestamp();
    private long _resetsSince = time.GetTimestamp();
    private int _resets;
    private int _prematureResets;
    private int _refusals;

    // What useful frames pay ahead is kept up to this, for answers that come late and all at once, as after many resets.
    private readonly int _savings = -4 * Math.Min(options.ControlFrameBurst, int.MaxValue / 8);

    /// <summary>A frame that moved data or opened something, in either direction.</summary>
    public void Useful() => _debt = Math.Max(_savings, _debt - PaidByUsefulFrame);

    /// <summary>A control or empty frame; false when there were too many.</summary>
    public bool Control()
    {
        if (++_debt <= options.ControlFrameBurst) return true;
        var now = time.GetTimestamp();
        var forgiven = time.GetElapsedTime(_debtSince, now).TotalSeconds * options.ControlFramesPerSecond;
        if (forgiven >= 1)
        {
            _debt = (int)Math.Max(0, _debt - forgiven);
            _debtSince = now;
        }

        return _debt <= options.ControlFrameBurst;
    }

    /// <summary>
    /// A stream reset that the peer caused; false when there were too many in the period. Refusals do not count here: they end in GOAWAY, which lets running streams
    /// go on, and not in the connection's end.
    /// </summary>
    public bool Reset(bool premature)
    {
        StartPeriod();
        if (premature) _prematureResets++;
        return ++_resets <= options.MaxResets && _prematureResets <= options.MaxPrematureResets;
    }

    /// <summary>A request that was refused: it costs this side as much as one that is reset early. False when both together were too many in the period.</summary>
    public bool Refuse()
    {
        StartPeriod();
        return ++_refusals + _prematureResets <= options.MaxPrematureResets;
    }

    private void StartPeriod()
    {
        var now = time.GetTimestamp();
        if (time.GetElapsedTime(_resetsSince, now) <= options.ResetWindow) return;
        _resetsSince = now;
        _resets = _prematureResets = _refusals = 0;
    }
}
