using Culvert.Cli.Admin;
using Culvert.Protocol.V1;

namespace Culvert.Cli.Tests;

/// <summary>Rates of what an agent has counted at two moments.</summary>
public sealed class RequestRatesTests
{
    [Fact]
    public void What_is_busiest_comes_first_and_what_had_nothing_is_left_out()
    {
        var before = Of(("quiet", 5), ("busy", 100));
        var report = RequestRates.Between(before, Of(("new", 3), ("quiet", 5), ("busy", 140)), TimeSpan.FromSeconds(4));
        Assert.Equal([("shop/busy", 10.0), ("shop/new", 0.75)], report.Routes.Select(r => (r.Route, r.Rate.PerSecond)));
    }

    [Fact]
    public void Counts_of_an_agent_that_has_started_anew_count_as_they_are() =>
        Assert.Equal(7, Assert.Single(RequestRates.Between(Of(("web", 100)), Of(("web", 7)), TimeSpan.FromSeconds(1)).Routes).Rate.PerSecond);

    [Fact]
    public void Times_longer_than_the_last_bound_are_not_told_apart()
    {
        RequestsResponse after = Of(("web", 10));
        after.Routes[0].Counts.ByDuration.Clear();
        after.Routes[0].Counts.ByDuration.Add([8ul, 0ul, 2ul]);
        var rate = Assert.Single(RequestRates.Between(new(), after, TimeSpan.FromSeconds(1)).Routes).Rate;
        Assert.Equal(0.001 * 5 / 8, rate.MedianSeconds!.Value, 1e-9);
        Assert.Null(rate.P99Seconds);
    }

    [Fact]
    public void Series_of_the_same_two_workloads_are_one()
    {
        RequestsResponse after = new() { DurationBounds = { 0.001, 0.002 } };
        after.Workloads.Add(new[] { 3ul, 4ul }.Select(n => new WorkloadRequests { Reporter = "source", Source = "shop/a", Destination = "shop/b", Counts = Counts(n) }));
        Assert.Equal(7, Assert.Single(RequestRates.Between(new(), after, TimeSpan.FromSeconds(1)).Workloads).Rate.PerSecond);
    }

    private static RequestsResponse Of(params (string Route, ulong Count)[] routes)
    {
        RequestsResponse response = new() { DurationBounds = { 0.001, 0.002 } };
        response.Routes.Add(routes.Select(r => new RouteRequests { Kind = "HTTPRoute", Namespace = "shop", Route = r.Route, Rule = "0", Counts = Counts(r.Count) }));
        return response;
    }

    private static RequestCounts Counts(ulong count) => new() { ByClass = { 0, 0, count, 0, 0, 0, 0 }, ByDuration = { count, 0, 0 } };
}
