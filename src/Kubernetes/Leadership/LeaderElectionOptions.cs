using Culvert.Kubernetes.Resources;

namespace Culvert.Kubernetes.Leadership;

/// <summary>Who stands for election, and how patient everybody is.</summary>
/// <param name="Lease">The lease that is held.</param>
/// <param name="Identity">Who stands; another for each process, and another after its restart.</param>
public sealed record LeaderElectionOptions(ResourceName Lease, string Identity)
{
    /// <summary>How long others wait, without seeing a change, before they take over; whole seconds.</summary>
    public TimeSpan LeaseDuration { get; init; } = TimeSpan.FromSeconds(15);

    /// <summary>How long the leader leads without having renewed; less than <see cref="LeaseDuration"/>, by as much as clocks run differently and as ending its work takes.</summary>
    public TimeSpan RenewDeadline { get; init; } = TimeSpan.FromSeconds(10);

    /// <summary>How often it is tried, to get the lease and to renew it; less than <see cref="RenewDeadline"/>.</summary>
    public TimeSpan RetryPeriod { get; init; } = TimeSpan.FromSeconds(2);

    internal void Check()
    {
        if (LeaseDuration < TimeSpan.FromSeconds(1)) throw new ArgumentException("the lease lasts less than a second");
        if (LeaseDuration <= RenewDeadline) throw new ArgumentException("the lease must last longer than a leader may lead without renewing it");
        if (RenewDeadline <= RetryPeriod * LeaderElector.Jitter) throw new ArgumentException("a leader must be able to try again before it has to give up");
        ArgumentOutOfRangeException.ThrowIfLessThanOrEqual(RetryPeriod, TimeSpan.Zero);
        ArgumentException.ThrowIfNullOrEmpty(Identity);
    }
}
