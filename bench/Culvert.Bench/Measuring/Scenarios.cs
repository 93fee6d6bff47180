using System.Globalization;
using Culvert.Bench.Load;
using Culvert.Bench.Sides;
using Culvert.Labs;

namespace Culvert.Bench.Measuring;

/// <summary>The loads of connections, and of the mesh under many policies.</summary>
internal static class Scenarios
{
    /// <summary>What most loads cost is counted in.</summary>
    internal const string PerMillion = "CPU s per million requests";
    private const string PerMillionConnections = "CPU s per million connections";
    // What TCP needs on a way of 52 ms until nothing grows any more: some 15 round trips, and as much again for what is measured.
    private static readonly TimeSpan RampUp = TimeSpan.FromSeconds(2);

    private const string PerHundredGigabytes = "CPU s per 100 GB";

    /// <param name="oursSame">Culvert, server on the client's node.</param>
    /// <param name="plainSame">The same topology plainly routed.</param>
    /// <param name="oursCross">Culvert, server on the other node.</param>
    /// <param name="pairCross">The nginx pair.</param>
    public static IReadOnlyList<Scenario> All(Target? oursSame, Target plainSame, Target? oursCross, Target pairCross) =>
    [
        new([new("l4.same_node.rps", "requests/s", true, "same veths, routed, no mesh", 1.0, 1.15)],
            PerMillion, oursSame, plainSame, Requests(new WrkShape(2, 64, CloseEachTime: false))),
        new([new("l4.same_node.new_connections", "connections/s", true, "same veths, routed, no mesh", 0.85, 0.95)],
            PerMillionConnections, oursSame, plainSame, Requests(new WrkShape(2, 32, CloseEachTime: true))),
        new([new("l4.cross_node.rps", "requests/s", true, NginxPair.Name, 1.2, 1.6)],
            PerMillion, oursCross, pairCross, Requests(new WrkShape(2, 64, CloseEachTime: false))),
        new([
                new("l4.cross_node.p50", "us", false, NginxPair.Name, 1.0, 1.2),
                new("l4.cross_node.p99", "us", false, NginxPair.Name, 1.0, 1.2),
            ],
            PerMillion, oursCross, pairCross, Latency, TailRepeats),
        new([new("l4.cross_node.new_connections", "connections/s", true, NginxPair.Name, 3, 6)],
            PerMillionConnections, oursCross, pairCross, Requests(new WrkShape(2, 32, CloseEachTime: true))),
        new([new("l4.cross_node.bulk", "Gbit/s", true, NginxPair.Name, 0.9, 1.2)],
            PerHundredGigabytes, oursCross, pairCross, Bulk(1)),
        new([new("l4.cross_node.bulk_4_streams", "Gbit/s", true, NginxPair.Name, 0.9, 1.2)],
            PerHundredGigabytes, oursCross, pairCross, Bulk(4)),
    ];

    /// <summary>Name of the metric for which both sides have packet filter rules.</summary>
    public const string HostStack = "l4.same_node.host_stack.rps";

    /// <summary>Within a node whose rules have to see each packet.</summary>
    /// <param name="oursSame">Culvert, server on the client's node.</param>
    /// <param name="plainSame">The same topology plainly routed.</param>
    public static Scenario BesideRules(Target? oursSame, Target plainSame) =>
        new([new(HostStack, "requests/s", true, "same veths and rules, routed, no mesh", 0.9, 1.0)], PerMillion, oursSame, plainSame, Requests(new WrkShape(2, 64, CloseEachTime: false)));

    /// <summary>Name of the metric that compares the mesh with itself.</summary>
    public const string Policies = "policy.network_policies";

    /// <summary>Within a node, whose policy is asked about every connection.</summary>
    /// <param name="same">Culvert, server on the client's node.</param>
    /// <param name="policies">In force on our side and not on the peer's.</param>
    public static Scenario UnderPolicies(Target same, WorldChange policies) =>
        WithAndWithout(new Metric(Policies, "connections/s", true, "the same without NetworkPolicies", 0.9, 1.0), PerMillionConnections, same, policies, new WrkShape(2, 32, CloseEachTime: true));

    /// <summary>Name of the metric that compares requests under many routes and rules with such under none.</summary>
    public const string RequestPolicies = "l7.policy_cost";

    /// <summary>Between nodes, whose proxy asks policy about every request.</summary>
    /// <param name="http">Culvert, HTTP/1.1 of a server on the other node.</param>
    /// <param name="policies">In force on our side and not on the peer's.</param>
    public static Scenario UnderRequestPolicies(Target http, WorldChange policies) =>
        WithAndWithout(new Metric(RequestPolicies, "requests/s", true, "the same without routes and rules about requests", 0.9, 1.0), PerMillion, http, policies, new WrkShape(2, 64, CloseEachTime: false));

    /// <summary>Names of the metrics that compare tunnels from pods' addresses with those from the node's.</summary>
    public const string PodSource = "l4.cross_node.pod_source.rps", PodSourceConnections = "l4.cross_node.pod_source.new_connections";

    /// <summary>Between nodes, with tunnels from the pods' addresses.</summary>
    /// <param name="cross">Culvert, server on the other node.</param>
    /// <param name="podTunnels">In force on our side and not on the peer's.</param>
    public static IReadOnlyList<Scenario> FromPods(Target cross, WorldChange podTunnels) =>
    [
        WithAndWithout(new Metric(PodSource, "requests/s", true, NodeSource, 0.9, 1.0), PerMillion, cross, podTunnels, new WrkShape(2, 64, CloseEachTime: false)),
        WithAndWithout(new Metric(PodSourceConnections, "connections/s", true, NodeSource, 0.9, 1.0), PerMillionConnections, cross, podTunnels, new WrkShape(2, 32, CloseEachTime: true)),
    ];

    private const string NodeSource = "the same with tunnels from the node's address";

    // Compares the mesh with itself.
    private static Scenario WithAndWithout(Metric metric, string costUnit, Target target, WorldChange change, WrkShape shape)
    {
        Target changed = target with { };
        Func<Target, TimeSpan, CancellationToken, Task<Reading>> requests = Requests(shape);
        return new([metric], costUnit, changed, target, async (side, duration, cancellationToken) =>
        {
            await change.SetAsync(ReferenceEquals(side, changed), cancellationToken);
            double before = CpuClock.BusySeconds();
            Reading reading = await requests(side, duration, cancellationToken);
            return reading with { BusySeconds = CpuClock.BusySeconds() - before };
        }, Restore: c => change.SetAsync(false, c));
    }

    /// <summary>Name of the only metric that needs the far node.</summary>
    public const string Far = "l4.cross_node.bulk_rtt";

    /// <summary>One stream over a long way, where what limits it is how much may be under way.</summary>
    /// <param name="oursFar">Culvert, server on the far node.</param>
    /// <param name="plainFar">The same topology plainly routed.</param>
    /// <param name="wire">The way, which the peer's name tells of.</param>
    public static Scenario OverALongWay(Target? oursFar, Target plainFar, LabWireOptions wire) =>
        new([new(Far, "Gbit/s", true, string.Create(CultureInfo.InvariantCulture, $"same wire ({2 * wire.Delay.TotalMilliseconds} ms, {100 * wire.Loss:0} % lost), routed, no mesh"), 0.7, 0.95)], PerHundredGigabytes, oursFar, plainFar, BulkAtLength);

    private static Task<Reading> BulkAtLength(Target target, TimeSpan duration, CancellationToken cancellationToken) =>
        Bulk(1)(target, duration + RampUp, cancellationToken);

    /// <summary>Requests per second.</summary>
    internal static Func<Target, TimeSpan, CancellationToken, Task<Reading>> Requests(WrkShape shape) =>
        async (target, duration, cancellationToken) =>
        {
            WrkResult result = Checked(await Wrk.RunAsync(target, shape, duration, cancellationToken), target);
            return new Reading([result.RequestsPerSecond], result.Requests / 1e6);
        };

    /// <summary>
    /// Rounds for a 99th percentile. wrk counts a stall as all the requests that it has held up, so a hypervisor that takes a processor for 4 ms three times
    /// a second decides a round's: ratios of single rounds were 0.4 to 3, of 8 rounds within 0.15 of each other.
    /// </summary>
    internal const int TailRepeats = 3;

    /// <summary>Median and 99th percentile of the time of a request, one at a time.</summary>
    internal static async Task<Reading> Latency(Target target, TimeSpan duration, CancellationToken cancellationToken)
    {
        WrkShape shape = new(1, 1, CloseEachTime: false);
        WrkResult result = Checked(await Wrk.RunAsync(target, shape, duration, cancellationToken), target);
        return new Reading([result.P50Microseconds, result.P99Microseconds], result.Requests / 1e6);
    }

    private static Func<Target, TimeSpan, CancellationToken, Task<Reading>> Bulk(int streams) =>
        async (target, duration, cancellationToken) =>
        {
            IperfResult result = await Iperf.RunAsync(target, streams, duration, cancellationToken);
            return new Reading([result.BitsPerSecond / 1e9], result.Bytes / 1e11);
        };

    private static WrkResult Checked(WrkResult result, Target target)
    {
        Check(result.Requests, result.Errors, target);
        return result;
    }

    /// <summary>A rate that contains failures is no rate.</summary>
    /// <exception cref="BenchInvalidException">Requests failed, or none was answered.</exception>
    internal static void Check(long requests, long errors, Target target)
    {
        if (requests == 0) throw new BenchInvalidException($"No request to {target.Url} from {target.Client.Namespace} was answered.");
        if (errors > 0) throw new BenchInvalidException($"{errors} of {requests} requests to {target.Url} from {target.Client.Namespace} failed.");
    }
}
