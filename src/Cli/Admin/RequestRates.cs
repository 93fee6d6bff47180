using Culvert.Cli.Output;
using Culvert.Protocol.V1;
using Google.Protobuf.Collections;

namespace Culvert.Cli.Admin;

/// <summary>Makes rates of what an agent has counted at two moments. Pure.</summary>
internal static class RequestRates
{
    // As the agent has classes of statuses.
    private const int None = 0, ClientErrors = 4, ServerErrors = 5, Others = 6;

    /// <summary>What there was between two moments; what has had no request then is left out.</summary>
    /// <param name="before">The counts at the first.</param>
    /// <param name="after">The counts at the second. Where they are lower, the agent has started anew, and all of them count.</param>
    /// <param name="time">How long it was between them; above zero.</param>
    public static TopReport Between(RequestsResponse before, RequestsResponse after, TimeSpan time)
    {
        var routes = before.Routes.ToDictionary(KeyOf, r => r.Counts);
        var workloads = before.Workloads.GroupBy(KeyOf).ToDictionary(g => g.Key, g => Sum(g.Select(w => w.Counts)));
        return new TopReport(
            time.TotalSeconds,
            [
                .. after.Routes.Select(r => (Route: r, Rate: RateOf(routes.GetValueOrDefault(KeyOf(r)), r.Counts, after.DurationBounds, time))).Where(r => r.Rate.PerSecond > 0)
                    .OrderByDescending(r => r.Rate.PerSecond).ThenBy(r => NameOf(r.Route.Namespace, r.Route.Route), StringComparer.Ordinal)
                    .Select(r => new RouteRateReport(r.Route.Kind, NameOf(r.Route.Namespace, r.Route.Route), r.Route.Rule, r.Route.Backend.Length == 0 ? null : NameOf(r.Route.BackendNamespace, r.Route.Backend), r.Rate)),
            ],
            [
                .. after.Workloads.GroupBy(KeyOf).Select(g => (Pair: g.Key, Rate: RateOf(workloads.GetValueOrDefault(g.Key), Sum(g.Select(w => w.Counts)), after.DurationBounds, time))).Where(w => w.Rate.PerSecond > 0)
                    .OrderByDescending(w => w.Rate.PerSecond).ThenBy(w => w.Pair)
                    .Select(w => new WorkloadRateReport(w.Pair.Reporter, w.Pair.Source, w.Pair.Destination, w.Rate)),
            ]);
    }

    private static (string, string, string, string, string, string) KeyOf(RouteRequests route) => (route.Kind, route.Namespace, route.Route, route.Rule, route.BackendNamespace, route.Backend);

    // By paths and identities there may be several series of the same two.
    private static (string Reporter, string Source, string Destination) KeyOf(WorkloadRequests workloads) => (workloads.Reporter, workloads.Source, workloads.Destination);

    private static string NameOf(string ns, string name) => ns == name && name == "other" ? name : $"{ns}/{name}";

    private static RequestCounts Sum(IEnumerable<RequestCounts> counts)
    {
        RequestCounts sum = new();
        foreach (var one in counts)
        {
            Add(sum.ByClass, one.ByClass);
            Add(sum.ByDuration, one.ByDuration);
        }

        return sum;

        static void Add(IList<ulong> to, IList<ulong> from)
        {
            for (var i = 0; i < from.Count; i++)
            {
                if (i < to.Count) to[i] += from[i];
                else to.Add(from[i]);
            }
        }
    }

    private static RateReport RateOf(RequestCounts? before, RequestCounts after, IReadOnlyList<double> bounds, TimeSpan time)
    {
        if (before is not null && Enumerable.Range(0, Math.Min(before.ByClass.Count, after.ByClass.Count)).Any(i => before.ByClass[i] > after.ByClass[i])) before = null;
        var classes = Less(after.ByClass, before?.ByClass);
        var durations = Less(after.ByDuration, before?.ByDuration);
        var all = classes.Sum();
        return new RateReport(all / time.TotalSeconds, Share(ClientErrors), Share(None) + Share(ServerErrors) + Share(Others), Quantile(durations, bounds, 0.5), Quantile(durations, bounds, 0.99));

        double Share(int statusClass) => all == 0 || statusClass >= classes.Length ? 0 : classes[statusClass] / all;
    }

    // A count of durations may be a moment ahead of that of requests.
    private static double[] Less(RepeatedField<ulong> after, RepeatedField<ulong>? before) => [.. after.Select((count, i) => before is null || i >= before.Count ? count : Math.Max(0, (double)count - before[i]))];

    // Within a bucket as if all were evenly apart.
    private static double? Quantile(double[] buckets, IReadOnlyList<double> bounds, double share)
    {
        var wanted = buckets.Sum() * share;
        if (wanted == 0) return null;
        for (var i = 0; i < bounds.Count && i < buckets.Length; i++)
        {
            if (buckets[i] >= wanted)
            {
                var low = i == 0 ? 0 : bounds[i - 1];
                return low + ((bounds[i] - low) * wanted / buckets[i]);
            }

            wanted -= buckets[i];
        }

        return null;
    }
}
