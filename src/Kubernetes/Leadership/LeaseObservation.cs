using Culvert.Kubernetes.Resources;

namespace Culvert.Kubernetes.Leadership;

/// <summary>
/// What was seen of a lease, and since when by the own clock. Times in the lease are of others' clocks and are only compared for equality: a lease has run out when it
/// was not seen to change for as long as it says.
/// </summary>
internal sealed class LeaseObservation(TimeProvider time)
{
    private (string? Holder, DateTimeOffset? Acquired, DateTimeOffset? Renewed, int? Transitions, int? Duration) _seen;
    private long? _since;

    /// <summary>Who holds it; null for nobody.</summary>
    public string? Holder => string.IsNullOrEmpty(_seen.Holder) ? null : _seen.Holder;

    public void See(LeaseSpec spec)
    {
        var now = (spec.HolderIdentity, spec.AcquireTime, spec.RenewTime, spec.LeaseTransitions, spec.LeaseDurationSeconds);
        if (_since is not null && now == _seen) return;
        (_seen, _since) = (now, time.GetTimestamp());
    }

    /// <summary>Whether its holder has given it up or has not renewed it for too long.</summary>
    /// <param name="otherwise">How long it lasts where it does not say.</param>
    public bool IsFree(TimeSpan otherwise)
    {
        if (Holder is null) return true;
        TimeSpan duration = _seen.Duration is > 0 and var seconds ? TimeSpan.FromSeconds(seconds) : otherwise;
        return _since is { } since && time.GetElapsedTime(since) > duration;
    }
}
