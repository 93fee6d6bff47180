using Culvert.Core;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>What the proxy's loops count of datagrams, read when scraped.</summary>
internal static class UdpMetrics
{
    private static readonly (ProxyProtocolError Error, string[] Labels)[] Reasons =
        [.. Enum.GetValues<ProxyProtocolError>().Where(e => e != ProxyProtocolError.None).Select(e => (e, (string[])[ReasonText.Kebab(e.ToString())]))];

    internal static void Register(MetricRegistry registry, ProxyServer proxy)
    {
        registry.Add(new CallbackFamily("culvert_udp_sessions", "UDP sessions of the proxy, refusals that are remembered included.", "gauge", [], () => CallbackSample.Single(proxy.Datagrams.Sum(d => d.Sessions))));
        registry.Add(new CallbackFamily("culvert_udp_datagrams_total", "Datagrams that the proxy took from clients, and gave to them.", "counter", ["direction"],
            () => [new CallbackSample(["sent"], proxy.Datagrams.Sum(d => d.FromClients)), new CallbackSample(["received"], proxy.Datagrams.Sum(d => d.ToClients))]));
        registry.Add(new CallbackFamily("culvert_udp_port_unreachable_total", "Times a destination said that nobody listens at its port.", "counter", [], () => CallbackSample.Single(proxy.Datagrams.Sum(d => d.RefusedByPeer))));
        registry.Add(new CallbackFamily("culvert_udp_header_errors_total", "PROXY headers in front of captured datagrams that were refused, by reason.", "counter", ["reason"],
            () => [.. Reasons.Select(r => new CallbackSample(r.Labels, proxy.Datagrams.Sum(d => d.HeaderErrors(r.Error))))]));
    }
}
