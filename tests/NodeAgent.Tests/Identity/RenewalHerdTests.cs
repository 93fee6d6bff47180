using Culvert.Controller.Identity;
using Culvert.Core;
using Culvert.NodeAgent.Identity;

namespace Culvert.NodeAgent.Tests.Identity;

/// <summary>
/// What the authority sees of 10,000 workloads whose certificates were made in one moment, as after a cluster's start: simulated with the schedule of agents and the lifetimes that the controller gives, on a clock that goes from
/// one call to the next.
/// </summary>
public sealed class RenewalHerdTests
{
    private const int Workloads = 10_000;
    private const int Slices = 100;

    private static readonly DateTimeOffset Start = new(2026, 1, 2, 3, 4, 5, TimeSpan.Zero);
    private static readonly TimeSpan Mean = MeshSettingsDefaults.CertificateLifetime;

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void CertificatesThatWereMadeTogetherAreRenewedOverAllOfTheirWindow(int seed)
    {
        Herd herd = new(seed, _ => true);
        herd.RunUntil(Start);
        TimeSpan first = Mean * (0.60 * 0.9), last = Mean * (0.73 * 1.1);
        herd.RunUntil(Start + last);
        Assert.Equal(Workloads, herd.Renewals.Count);
        Assert.InRange(herd.Renewals.Min(r => r.At) - Start, first, last);
        Assert.InRange(herd.Renewals.Max(r => r.At) - Start, first, last);
        Assert.DoesNotContain(herd.Renewals, r => r.At >= r.NotAfter);

        // Were they evenly spread, each slice had the mean. Two independent shares of the life multiplied have less at both ends, and more between.
        int[] slices = new int[Slices];
        foreach (Renewal renewal in herd.Renewals) slices[Math.Min((int)((renewal.At - Start - first) / (last - first) * Slices), Slices - 1)]++;
        Assert.InRange(slices.Max(), Workloads / Slices, 3 * Workloads / Slices);

        // No second of them is a rush: 10,000 in half a day are one in five seconds.
        Assert.InRange(MostInASecond(herd.Renewals.Select(r => r.At)), 1, 12);
    }

    [Fact]
    public void LaterRenewalsAreSpreadFurther()
    {
        Herd herd = new(1, _ => true);
        herd.RunUntil(Start + (5 * Mean));
        Assert.DoesNotContain(herd.Renewals, r => r.At >= r.NotAfter);
        int[] fullest = [.. Enumerable.Range(1, 3).Select(n => herd.Renewals.Where(r => r.Number == n).GroupBy(r => (long)((r.At - Start) / (Mean / Slices))).Max(g => g.Count()))];
        Assert.True(fullest[0] > fullest[1] && fullest[1] > fullest[2], string.Join(", ", fullest));
    }

    [Theory]
    [InlineData(1)]
    [InlineData(2)]
    [InlineData(3)]
    public void AnAuthorityThatWasAwayUntilAllWereDueIsNotOverrunWhenItComesBack(int seed)
    {
        // Before the first is due, and until the last is; the shortest life has not ended then.
        DateTimeOffset goes = Start + (Mean * 0.5), returns = Start + (Mean * 0.85);
        Herd herd = new(seed, at => at < goes || at >= returns);
        herd.RunUntil(returns.AddMinutes(1));
        Assert.Equal(Workloads, herd.Renewals.Count);
        Assert.DoesNotContain(herd.Renewals, r => r.At >= r.NotAfter);

        // Each asks once in 15 to 30 s: in no second, the first least of all, more than a fifteenth of them.
        DateTimeOffset[] answered = [.. herd.Renewals.Select(r => r.At)];
        Assert.InRange(answered.Count(a => a < returns.AddSeconds(1)), 1, Workloads / 15);
        Assert.InRange(MostInASecond(answered), 1, Workloads / 15);
        Assert.True(answered.Max() <= returns.AddSeconds(30), $"{answered.Max()}");

        // Nor is it asked more often while it is away.
        Assert.InRange(MostInASecond(herd.Refused), 1, Workloads / 15);
    }

    [Fact]
    public void AgentsThatBeganTogetherWithoutAnAuthorityHaveLostStepWhenItComes()
    {
        DateTimeOffset comes = Start.AddMinutes(10);
        Herd herd = new(1, at => at >= comes);
        herd.RunUntil(comes.AddMinutes(1));
        Assert.Equal(Workloads, herd.First.Count);
        Assert.InRange(herd.First.Count(a => a < comes.AddSeconds(1)), 1, Workloads / 15);
        Assert.InRange(MostInASecond(herd.First), 1, Workloads / 15);
    }

    // In any second, wherever it begins.
    private static int MostInASecond(IEnumerable<DateTimeOffset> moments)
    {
        DateTimeOffset[] sorted = [.. moments.Order()];
        int most = 0, begin = 0;
        for (int i = 0; i < sorted.Length; i++)
        {
            while (sorted[i] - sorted[begin] >= TimeSpan.FromSeconds(1)) begin++;
            most = Math.Max(most, i - begin + 1);
        }
        return most;
    }

    /// <summary>A certificate that was replaced.</summary>
    /// <param name="Number">Which of its workload: 1 is its first renewal.</param>
    /// <param name="At">When the other one came.</param>
    /// <param name="NotAfter">When it would have ended.</param>
    private sealed record Renewal(int Number, DateTimeOffset At, DateTimeOffset NotAfter);

    /// <summary>The workloads, each of which does what <see cref="SvidStore"/> does for an identity: it asks, waits until its certificate is due, and after a failure for as long as the schedule says.</summary>
    private sealed class Herd
    {
        private static readonly SigningRequest Request = new()
        {
            Csr = default,
            Identity = SpiffeId.ForServiceAccount("cluster.local", "shop", "web"),
            Lifetime = Mean,
            Jitter = MeshSettingsDefaults.CertificateLifetimeJitter,
        };

        private readonly Random _random;
        private readonly Func<DateTimeOffset, bool> _isThere;
        private readonly PriorityQueue<Workload, DateTimeOffset> _next = new();

        /// <param name="seed">Of all that is drawn.</param>
        /// <param name="isThere">Whether the authority answers at a moment.</param>
        internal Herd(int seed, Func<DateTimeOffset, bool> isThere)
        {
            (_random, _isThere) = (new(seed), isThere);
            for (int i = 0; i < Workloads; i++) _next.Enqueue(new(), Start);
        }

        /// <summary>When each had its first certificate.</summary>
        internal List<DateTimeOffset> First { get; } = [];

        internal List<Renewal> Renewals { get; } = [];

        /// <summary>When the authority was asked in vain.</summary>
        internal List<DateTimeOffset> Refused { get; } = [];

        internal void RunUntil(DateTimeOffset end)
        {
            while (_next.TryPeek(out _, out DateTimeOffset now) && now <= end)
            {
                Workload workload = _next.Dequeue();
                _next.Enqueue(workload, Ask(workload, now));
            }
        }

        // When it asks next.
        private DateTimeOffset Ask(Workload workload, DateTimeOffset now)
        {
            if (!_isThere(now))
            {
                Refused.Add(now);
                return now + RotationSchedule.RetryAfter(workload.Failures++, _random.NextDouble());
            }
            if (workload.NotAfter is { } end) Renewals.Add(new(++workload.Renewals, now, end));
            else First.Add(now);
            (workload.Failures, workload.NotAfter) = (0, now + Request.VariedLifetime(_random));
            return RotationSchedule.RenewAt(now, workload.NotAfter.Value, _random.NextDouble());
        }
    }

    private sealed class Workload
    {
        internal int Failures { get; set; }

        internal int Renewals { get; set; }

        internal DateTimeOffset? NotAfter { get; set; }
    }
}
