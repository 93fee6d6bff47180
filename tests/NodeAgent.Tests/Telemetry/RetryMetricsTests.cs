using System.Net;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Telemetry.Requests;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary>Repetitions are counted by who asks and what was asked, within bounds and cheaply.</summary>
public sealed class RetryMetricsTests
{
    [Fact]
    public void RepetitionsAreCountedByClientAndService()
    {
        using RequestLab lab = new();
        IRequestObserver observer = lab.Observe(To("shop"));
        observer.OnRetried(RetryOutcome.Failed);
        observer.OnRetried(RetryOutcome.Succeeded);
        lab.Observe(To("shop")).OnRetried(RetryOutcome.Failed);
        lab.Observe(To("shop") with { Service = null }).OnRetried(RetryOutcome.NoBudget);
        string text = lab.Registry.Render(openMetrics: false), client = "{source_workload=\"web-1\",source_workload_namespace=\"demo\",source_principal=\"spiffe://td/ns/demo/sa/web\"";
        Assert.Contains($"culvert_http_retries_total{client},service=\"shop\",service_namespace=\"demo\",outcome=\"failed\"}} 2\n", text, StringComparison.Ordinal);
        Assert.Contains($"culvert_http_retries_total{client},service=\"shop\",service_namespace=\"demo\",outcome=\"succeeded\"}} 1\n", text, StringComparison.Ordinal);
        Assert.Contains($"culvert_http_retries_total{client},service=\"unknown\",service_namespace=\"unknown\",outcome=\"no-budget\"}} 1\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void HedgesAreCountedByThemselves()
    {
        using RequestLab lab = new();
        IRequestObserver observer = lab.Observe(To("shop"));
        foreach (HedgeOutcome outcome in Enum.GetValues<HedgeOutcome>()) observer.OnHedged(outcome);
        observer.OnHedged(HedgeOutcome.Won);
        string text = lab.Registry.Render(openMetrics: false), pair = "{source_workload=\"web-1\",source_workload_namespace=\"demo\",source_principal=\"spiffe://td/ns/demo/sa/web\",service=\"shop\",service_namespace=\"demo\",";
        foreach (string outcome in new[] { "lost", "failed", "no-backend", "no-room", "no-budget" }) Assert.Contains($"culvert_http_hedges_total{pair}outcome=\"{outcome}\"}} 1\n", text, StringComparison.Ordinal);
        Assert.Contains($"culvert_http_hedges_total{pair}outcome=\"won\"}} 2\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain($"culvert_http_retries_total{pair}", text, StringComparison.Ordinal);
    }

    [Fact]
    public void PairsPastTheLimitAreOneAndCountingCostsNoMemory()
    {
        using RequestLab lab = new();
        for (int i = 0; i < 1006; i++) lab.Observe(To($"s{i}")).OnRetried(RetryOutcome.Failed);
        string text = lab.Registry.Render(openMetrics: false);
        Assert.Contains("service=\"s999\"", text, StringComparison.Ordinal);
        Assert.DoesNotContain("service=\"s1000\"", text, StringComparison.Ordinal);
        Assert.Contains("service=\"other\",service_namespace=\"other\",outcome=\"failed\"} 6\n", text, StringComparison.Ordinal);
        IRequestObserver known = lab.Observe(To("s0")), other = lab.Observe(To("s1005"));
        long allocated = Allocations.Of(() =>
        {
            for (int i = 0; i < 1_000; i++)
            {
                known.OnRetried(RetryOutcome.Failed);
                other.OnRetried(RetryOutcome.Failed);
            }
        });

        Assert.InRange(allocated, 0, 1_000);
    }

    private static ProxyConnectionInfo To(string service)
    {
        SpiffeId identity = SpiffeId.ForServiceAccount("td", "demo", "web");
        WorkloadInfo web = new() { Uid = "demo/web-1", Name = new("demo", "web-1"), ServiceAccount = "web", Identity = identity, Node = "n1", Addresses = [IPAddress.Parse("10.0.0.1")] };
        return new ProxyConnectionInfo
        {
            Source = new SocketEndPoint(IPAddress.Parse("10.0.0.1"), 40_000),
            Destination = new SocketEndPoint(IPAddress.Parse("10.96.0.1"), 80),
            Target = new SocketEndPoint(IPAddress.Parse("10.96.0.1"), 80),
            SourceWorkload = web,
            SourceIdentity = identity,
            Service = new ServiceInfo { Name = new("demo", service), Vips = [IPAddress.Parse("10.96.0.1")] },
        };
    }
}
