using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>What the proxy's loops count of datagrams, read when scraped.</summary>
internal static class UdpMetrics
{
    internal static void Register(MetricRegistry registry, ProxyServer proxy)
    {
        registry.Add(new CallbackFamily("culvert_udp_sessions", "UDP sessions of the proxy, refusals that are remembered included.", "gauge", [], () => CallbackSample.Single(proxy.Datagrams.Sum(d => d.Sessions))));
        registry.Add(new CallbackFamily("culvert_udp_datagrams_total", "Datagrams that the proxy took from clients, and gave to them.", "counter", ["direction"],
            () => [new CallbackSample(["sent"], proxy.Datagrams.Sum(d => d.FromClients)), new CallbackSample(["received"], proxy.Datagrams.Sum(d => d.ToClients))]));
        registry.Add(new CallbackFamily("culvert_udp_port_unreachable_total", "Times a destination said that nobody listens at its port.", "counter", [], () => CallbackSample.Single(proxy.Datagrams.Sum(d => d.RefusedByPeer))));
    }
}
