using Culvert.Core;
using Culvert.NodeAgent.Proxy.Http;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Tests.Proxy.Http;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary>Requests are counted by the rule that has them and the Service they went to, within bounds and cheaply.</summary>
public sealed class RouteMetricsTests
{
    private readonly MetricRegistry _registry = new();
    private readonly RouteMetrics _metrics;

    public RouteMetricsTests() => _metrics = new RouteMetrics(_registry);

    [Fact]
    public void RequestsAreCountedByRuleAndBackend()
    {
        HttpRouteHit hit = Hit(HttpRouteKind.Http, "web", ""), none = Hit(HttpRouteKind.Http, "cart", HttpRouteRule.NameWithoutRoute), calls = Hit(HttpRouteKind.Grpc, "web", "");
        _metrics.Count(hit, End(200, "web-v1"));
        _metrics.Count(hit, End(204, "web-v1"));
        _metrics.Count(hit, End(503, "web-v2"));
        _metrics.Count(none, End(200, "cart"));
        _metrics.Count(calls, End(0, null));
        string text = _registry.Render(openMetrics: false);
        Assert.Contains("culvert_http_route_requests_total{route_kind=\"HTTPRoute\",route=\"web\",route_namespace=\"shop\",rule=\"0\",backend=\"web-v1\",backend_namespace=\"shop\",code=\"2xx\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("backend=\"web-v2\",backend_namespace=\"shop\",code=\"5xx\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("culvert_http_route_requests_total{route_kind=\"Service\",route=\"cart\",", text, StringComparison.Ordinal);
        Assert.Contains("culvert_http_route_requests_total{route_kind=\"GRPCRoute\",route=\"web\",route_namespace=\"shop\",rule=\"0\",backend=\"\",backend_namespace=\"\",code=\"none\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("culvert_http_route_request_duration_seconds_count{route_kind=\"HTTPRoute\",route=\"web\",route_namespace=\"shop\",rule=\"0\",backend=\"web-v1\",backend_namespace=\"shop\"} 2\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void RoutesPastTheLimitAreOneAndCountingCostsNoMemory()
    {
        HttpRouteHit[] hits = [.. Enumerable.Range(0, 1005).Select(i => Hit(HttpRouteKind.Http, $"r{i}", ""))];
        foreach (HttpRouteHit hit in hits) _metrics.Count(hit, End(200, "web"));
        string text = _registry.Render(openMetrics: false);
        Assert.Contains("route=\"r999\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("route=\"r1000\"", text, StringComparison.Ordinal);
        Assert.Contains("culvert_http_route_requests_total{route_kind=\"other\",route=\"other\",route_namespace=\"other\",rule=\"other\",backend=\"other\",backend_namespace=\"other\",code=\"2xx\"} 5\n", text, StringComparison.Ordinal);
        RequestEnd end = End(200, "web");
        long allocated = Allocations.Of(() =>
        {
            for (int i = 0; i < 1000; i++)
            {
                _metrics.Count(hits[0], end);
                _metrics.Count(hits[1004], end);
            }
        });

        Assert.InRange(allocated, 0, 1_000);
    }

    private static RequestEnd End(int status, string? backend) => new(status, TimeSpan.FromMilliseconds(3), null) { Backend = backend is null ? null : new NamespacedName("shop", backend) };

    private static HttpRouteHit Hit(HttpRouteKind kind, string name, string rule)
    {
        HttpRouteTable table = new([new HttpRouteInfo { Name = new("shop", name), Kind = kind, Rules = [new HttpRouteRule { Name = rule, Matches = [new HttpRouteMatch()] }] }]);
        Assert.True(table.TryFind(new RoutedRequest("GET"u8, "/"u8, new NoFields()), out HttpRouteHit? hit));
        return hit;
    }
}
