namespace Culvert.Bench.Measuring;

/// <summary>Compares measured values with a fixed budget in place of a peer.</summary>
internal static class Budget
{
    public static readonly Metric Rss = new("agent.rss", "MB", false, "budget of 120 MB", 1.0, 1.5);

    /// <summary>After the loads of what is read as HTTP, too, with 1,000 routes.</summary>
    public static readonly Metric HttpRss = new("l7.rss", "MB", false, "budget of 150 MB", 1.0, 1.2);

    public static readonly Metric Ready = new("agent.ready", "s", false, "budget of 2 s", 1.0, 2);

    public const double RssMegabytes = 120;

    public const double HttpRssMegabytes = 150;

    public const double ReadySeconds = 2;

    public static Result Compare(Metric metric, double budget, IEnumerable<double> values) =>
        Result.Of(metric, [.. values.Select(v => new Round(v, budget, metric.Ratio(v, budget)))], null);
}
