namespace Culvert.Bench.Measuring;

/// <summary>Compares measured values with a fixed budget in place of a peer.</summary>
internal static class Budget
{
    public static readonly Metric Rss = new("agent.rss", "MB", false, "budget of 70 MB", 1.0, 70.0 / 45);

    /// <summary>After the loads of what is read as HTTP, too, with 1,000 routes.</summary>
    public static readonly Metric HttpRss = new("l7.rss", "MB", false, "budget of 150 MB", 1.0, 1.2);

    /// <summary>CPU time, user and system, from its start until an agent is ready.</summary>
    public static readonly Metric Ready = new("agent.ready", "CPU s", false, "budget of 1 CPU s", 1.0, 2);

    /// <summary>The same by the clock on the wall.</summary>
    public static readonly Metric Start = new("agent.start", "s", false, "budget of 2 s", 1.0, 2);

    /// <summary>The first request of a pod after its node's agent has started, to another node.</summary>
    public static readonly Metric FirstRequest = new("agent.first_request", "ms", false, "budget of 50 ms", 1.0, 5);

    /// <summary>The controller with one agent and a large world.</summary>
    public static readonly Metric ControllerRss = new("controller.rss", "MB", false, "budget of 90 MB", 1.0, 1.5);

    public const double RssMegabytes = 70;

    public const double HttpRssMegabytes = 150;

    public const double ReadyCpuSeconds = 1;

    public const double StartSeconds = 2;

    public const double FirstRequestMilliseconds = 50;

    public const double ControllerRssMegabytes = 90;

    /// <summary>The rows that starting an agent again and again measures.</summary>
    public static IReadOnlyList<Metric> OfStarts { get; } = [Ready, Start, FirstRequest];

    public static Result Compare(Metric metric, double budget, IEnumerable<double> values) =>
        Result.Of(metric, [.. values.Select(v => new Round(v, budget, metric.Ratio(v, budget)))], null);
}
