using Culvert.Core;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary>Tokens are counted by issuer, within bounds and cheaply.</summary>
public sealed class TokenMetricsTests
{
    [Fact]
    public void IssuersPastTheLimitAreOneAndCostNoMemory()
    {
        MetricRegistry registry = new();
        TokenMetrics metrics = new(registry);
        for (int i = 0; i < 70; i++) metrics.Count($"i{i}", JwtError.None);
        string text = registry.Render(openMetrics: false);
        Assert.Contains("{issuer=\"i63\",result=\"accepted\"} 1\n", text, StringComparison.Ordinal);
        Assert.Contains("{issuer=\"other\",result=\"accepted\"} 6\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("\"i64\"", text, StringComparison.Ordinal);
        long allocated = Allocations.Of(() =>
        {
            for (int i = 0; i < 1_000; i++) metrics.Count("i69", JwtError.None);
        });
        Assert.InRange(allocated, 0, 1_000);
    }
}
