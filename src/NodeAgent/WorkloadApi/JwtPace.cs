using Culvert.GrpcHosting;
using Culvert.Protocol;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>How fast the controller is asked for tokens: so many for one workload, so many in all, and none while it has said that it has no time. Called under its owner's lock.</summary>
/// <param name="time">The clock.</param>
internal sealed class JwtPace(TimeProvider time)
{
    /// <summary>Tokens that one workload may have signed at once after a pause, and, after these, <see cref="PerSecond"/>: the authority has others to serve.</summary>
    internal const int Burst = 64;

    /// <summary>See <see cref="Burst"/>.</summary>
    internal const int PerSecond = 10;

    /// <summary>Tokens of all that are asked for at once after a pause, and, after these, <see cref="PerSecondOfAll"/>: fewer than a controller signs for a node.</summary>
    internal const int BurstOfAll = ProtocolLimits.JwtBurst * 4 / 5;

    /// <summary>See <see cref="BurstOfAll"/>.</summary>
    internal const int PerSecondOfAll = ProtocolLimits.JwtsPerSecond * 4 / 5;

    /// <summary>How long nothing is asked for, at least, when the controller has refused for want of time.</summary>
    internal static readonly TimeSpan LeastPause = TimeSpan.FromMilliseconds(100);

    private readonly SourceRate<string> _ofOne = new(PerSecond, Burst, time), _ofAll = new(PerSecondOfAll, BurstOfAll, time);
    private long _pauseBegan;
    private TimeSpan _pause;

    /// <summary>Takes one of a workload's; false: it has had too many.</summary>
    internal bool TryTake(string uid) => _ofOne.TryTake(uid);

    /// <summary>Takes one of all; otherwise how long there is none, about; null: it is taken.</summary>
    internal TimeSpan? TakeOrWait()
    {
        TimeSpan left = LeftOfPause();
        if (left > TimeSpan.Zero) return left;
        return _ofAll.TryTake("") ? null : TimeSpan.FromSeconds(1.0 / PerSecondOfAll);
    }

    /// <summary>The controller has no time: nothing is asked for until then.</summary>
    /// <param name="pushback">How long, as the controller says.</param>
    /// <param name="longest">How long at most.</param>
    internal void Pause(TimeSpan pushback, TimeSpan longest)
    {
        TimeSpan pause = TimeSpan.FromTicks(Math.Clamp(pushback.Ticks, LeastPause.Ticks, longest.Ticks));
        if (pause > LeftOfPause()) (_pauseBegan, _pause) = (time.GetTimestamp(), pause);
    }

    private TimeSpan LeftOfPause() => _pause - time.GetElapsedTime(_pauseBegan);
}
