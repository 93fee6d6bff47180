namespace Culvert.NodeAgent.Identity;

/// <summary>When to renew and when to retry. Pure.</summary>
internal static class RotationSchedule
{
    private static readonly TimeSpan FirstRetry = TimeSpan.FromMilliseconds(200);
    private static readonly TimeSpan LongestRetry = TimeSpan.FromSeconds(30);

    /// <summary>
    /// Counted from <paramref name="from"/>, when the certificate arrived, as authorities backdate its start. A point between 60 % and 73 % of the life, so that the certificates of a node that were made together are not
    /// renewed together, and a third of the life is left for an authority that is away.
    /// </summary>
    internal static DateTimeOffset RenewAt(DateTimeOffset from, DateTimeOffset notAfter, double random01) =>
        from + ((notAfter - from) * (0.60 + (0.13 * random01)));

    /// <summary>Doubles from 200 ms to 30 s; half of it is random.</summary>
    internal static TimeSpan RetryAfter(int failures, double random01) => RetryAfter(failures, random01, TimeSpan.Zero);

    /// <summary>As <see cref="RetryAfter(int, double)"/>, and not before the other side wants to be asked again; up to a quarter later then, since it says the same to many.</summary>
    internal static TimeSpan RetryAfter(int failures, double random01, TimeSpan pushback)
    {
        double longest = Math.Min(LongestRetry.TotalMilliseconds, FirstRetry.TotalMilliseconds * Math.Pow(2, Math.Min(failures, 16)));
        TimeSpan own = TimeSpan.FromMilliseconds(longest * (0.5 + (0.5 * random01)));
        TimeSpan asked = pushback * (1 + (0.25 * random01));
        return own > asked ? own : asked;
    }
}
