using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Admin;

/// <summary>What is counted of requests, on the wire.</summary>
internal static class RequestCountMapping
{
    /// <summary>All of it.</summary>
    internal static Wire.RequestsResponse ToWire(AgentMetrics metrics)
    {
        Wire.RequestsResponse response = new();
        response.DurationBounds.AddRange(HistogramFamily.Seconds);
        foreach (RequestCounts route in metrics.Routes.All())
        {
            Wire.RouteRequests wire = new() { Kind = route.Labels[0], Route = route.Labels[1], Namespace = route.Labels[2], Rule = route.Labels[3], Backend = route.Labels[4], BackendNamespace = route.Labels[5], Counts = ToWire(route) };
            response.Routes.Add(wire);
        }

        foreach (RequestCounts pair in metrics.Requests.All())
        {
            Wire.WorkloadRequests wire = new() { Reporter = pair.Labels[0], Source = NameOf(pair, 2), Destination = NameOf(pair, 5), Counts = ToWire(pair) };
            response.Workloads.Add(wire);
        }

        return response;
    }

    // By the labels of connections: a name, and its namespace after it.
    private static string NameOf(in RequestCounts pair, int index) => pair.Labels[index + 1] == pair.Labels[index] ? pair.Labels[index] : $"{pair.Labels[index + 1]}/{pair.Labels[index]}";

    private static Wire.RequestCounts ToWire(in RequestCounts counts)
    {
        Wire.RequestCounts wire = new();
        wire.ByClass.AddRange(counts.ByClass.Select(c => (ulong)c));
        wire.ByDuration.AddRange(counts.ByDuration.Select(c => (ulong)c));
        return wire;
    }
}
