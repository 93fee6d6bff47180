using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Telemetry;

/// <summary>How full the proxy's budgets of descriptors and of kept responses are, read when scraped.</summary>
internal static class PlaceMetrics
{
    internal static void Register(MetricRegistry registry, ProxyServer proxy)
    {
        registry.Add(new CallbackFamily("culvert_proxy_places", "Descriptors in use by the proxy, by the budget they are of.", "gauge", ["pool"], () => proxy.Places.Select(p => new CallbackSample([p.Pool], p.Used))));
        registry.Add(new CallbackFamily("culvert_http_cache_bytes", "Bytes of responses that are kept for later requests.", "gauge", [], () => [new CallbackSample([], proxy.KeptBytes)]));
        registry.Add(new CallbackFamily("culvert_proxy_max_places", "Descriptors that each budget of the proxy has.", "gauge", ["pool"], () => proxy.Places.Select(p => new CallbackSample([p.Pool], p.Limit))));
    }
}
