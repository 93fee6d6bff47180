using System.Net;
using System.Security.Cryptography.X509Certificates;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>What a controller tells Prometheus.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class MetricsTests(TestCluster cluster)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task TheFamiliesAreThoseOfTheDocumentAndNoneElse()
    {
        await using RunningOnCluster controller = await RunningOnCluster.StartAsync(cluster.Options(), change: o => o with { Admission = new(new(IPAddress.Loopback, 0)), DnsNames = ["localhost"] });
        X509ChainPolicy roots = new() { TrustMode = X509ChainTrustMode.CustomRootTrust, RevocationMode = X509RevocationMode.NoCheck };
        foreach (ReadOnlyMemory<byte> root in controller.Host.Authority.Roots) roots.CustomTrustStore.Add(X509CertificateLoader.LoadCertificate(root.Span));
        using SocketsHttpHandler handler = new() { SslOptions = { CertificateChainPolicy = roots } };
        using HttpClient client = new(handler);
        string[] lines = [];
        await Soon.Holds("all pods have been listed", async () =>
        {
            using HttpResponseMessage answer = await client.GetAsync(new Uri($"https://localhost:{controller.Host.WebhookEndPoint!.Port}/metrics"), Stop);
            Assert.Equal((HttpStatusCode.OK, PrometheusExporter.ContentType), (answer.StatusCode, answer.Content.Headers.ContentType?.ToString()));
            lines = (await answer.Content.ReadAsStringAsync(Stop)).Split('\n', StringSplitOptions.RemoveEmptyEntries);
            return lines.Any(l => l.StartsWith("culvert_kubernetes_requests_total{verb=\"list\",resource=\"pods\",code=\"200\"} ", StringComparison.Ordinal));
        }, () => string.Join('\n', lines));

        (string Name, string Type, string Labels)[] documented = [.. MetricTables.Of("instrument").Select(AsServed).OrderBy(f => f.Name, StringComparer.Ordinal)];
        Assert.Equal(documented.Select(f => $"# TYPE {f.Name} {f.Type}"), lines.Where(l => l.StartsWith("# TYPE ", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        Assert.Equal(documented.Select(f => f.Name), lines.Where(l => l.StartsWith("# HELP ", StringComparison.Ordinal)).Select(l => l.Split(' ')[2]).Order(StringComparer.Ordinal));
        Assert.All(lines.Where(l => !l.StartsWith('#')), l => Assert.Contains(documented, f => IsOf(l, f)));
    }

    /// <summary>As the document says that names and types become those of Prometheus.</summary>
    private static (string Name, string Type, string Labels) AsServed(DocumentedMetric metric)
    {
        string name = metric.Name.Replace('.', '_');
        return metric.Type switch
        {
            "counter" => ($"{name}_total", "counter", metric.Labels),
            "up-down counter" or "gauge" => (name, "gauge", metric.Labels),
            _ => ($"{name}_seconds", metric.Type, metric.Labels),
        };
    }

    private static bool IsOf(string sample, (string Name, string Type, string Labels) family)
    {
        string series = sample[..sample.LastIndexOf(' ')], name = series.Split('{')[0];
        string[] parts = family.Type == "histogram" ? ["_bucket", "_sum", "_count"] : [""];
        string labels = series.Contains('{', StringComparison.Ordinal) ? string.Join(", ", series.Split('{')[1].Split(',').Select(l => l.Split('=')[0]).Where(l => l != "le")) : "";
        return parts.Any(p => name == family.Name + p) && labels == family.Labels;
    }
}
