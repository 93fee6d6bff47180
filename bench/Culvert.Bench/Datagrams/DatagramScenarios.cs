using System.Globalization;
using Culvert.Bench.Measuring;
using Culvert.Bench.Sides;

namespace Culvert.Bench.Datagrams;

/// <summary>The loads of datagrams.</summary>
internal static class DatagramScenarios
{
    private const string PerMillion = "CPU s per million datagrams";

    // More than either side delivers: what arrives is what a side is able to.
    private static readonly FloodShape Direct = new(32, 128, 16, 0);
    private static readonly FloodShape Proxied = new(32, 128, 16, 400_000);

    /// <param name="oursSame">Culvert, server on the client's node.</param>
    /// <param name="plainSame">The same topology plainly routed.</param>
    /// <param name="oursProxied">Culvert, server on the client's node behind the node's proxy.</param>
    /// <param name="proxy">One nginx on the client's node.</param>
    /// <param name="oursCross">Culvert, server on the other node.</param>
    /// <param name="pair">The nginx pair.</param>
    /// <param name="shape">A load in place of the scenarios' own; null for their own.</param>
    public static IReadOnlyList<Scenario> All(
        Target? oursSame, Target plainSame, Target? oursProxied, Target proxy, Target? oursCross, Target pair, FloodShape? shape) =>
    [
        new([new("udp.same_node.pps", "datagrams/s", true, "same veths, routed, no mesh", 0.95, 1.0)],
            PerMillion, oursSame, plainSame, Flood(shape ?? Direct)),
        new([new("udp.redirect.pps", "datagrams/s", true, DatagramPeers.ProxyName, 1.3, 2)],
            PerMillion, oursProxied, proxy, Flood(shape ?? Proxied)),
        new([new("udp.redirect.p50", "us", false, DatagramPeers.ProxyName, 1.3, 2)],
            PerMillion, oursProxied, proxy, PingAsync),
        new([new("udp.cross_node.mtls.pps", "datagrams/s", true, DatagramPeers.PairName, 0.8, 1.2)],
            PerMillion, oursCross, pair, Flood(shape ?? Proxied)),
    ];

    private static Func<Target, TimeSpan, CancellationToken, Task<Reading>> Flood(FloodShape shape) =>
        async (target, duration, cancellationToken) =>
        {
            DatagramTarget to = Required(target);
            FloodResult result = FloodResult.Parse(await target.RunLoadAsync(
                DatagramApplication.Self, [DatagramProgram.Flood, to.Count, to.Counter, shape.ToString(), Milliseconds(duration)], duration, cancellationToken));
            if (result.Received == 0) throw new BenchInvalidException($"No datagram to {to.Count} from {target.Client.Namespace} arrived.");
            Console.Error.WriteLine(string.Create(
                CultureInfo.InvariantCulture, $"  {to.Count} offered {result.Sent / result.Seconds:N0}/s, received {result.ReceivedPerSecond:N0}/s, {result.BusySeconds / result.Received * 1e6:F2} CPU s per million"));
            return new Reading([result.ReceivedPerSecond], result.Received / 1e6, result.BusySeconds);
        };

    private static async Task<Reading> PingAsync(Target target, TimeSpan duration, CancellationToken cancellationToken)
    {
        DatagramTarget to = Required(target);
        PingResult result = PingResult.Parse(await target.RunLoadAsync(
            DatagramApplication.Self, [DatagramProgram.Ping, to.Echo, Milliseconds(duration)], duration, cancellationToken));
        if (result.Lost > 0) throw new BenchInvalidException($"{result.Lost} of {result.Lost + result.Answered} datagrams to {to.Echo} from {target.Client.Namespace} were not answered.");
        return new Reading([result.P50Microseconds], result.Answered / 1e6, result.BusySeconds);
    }

    private static DatagramTarget Required(Target target) =>
        target.Datagrams ?? throw new BenchInvalidException($"{target.Host} does not offer datagrams.");

    private static string Milliseconds(TimeSpan duration) => ((int)duration.TotalMilliseconds).ToString(CultureInfo.InvariantCulture);
}
