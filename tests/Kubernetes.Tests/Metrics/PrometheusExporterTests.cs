using System.Diagnostics.Metrics;
using System.Text;
using Culvert.Kubernetes.Metrics;
using Culvert.Tests.Shared;

namespace Culvert.Kubernetes.Tests.Metrics;

/// <summary>What is measured, as Prometheus reads it.</summary>
public sealed class PrometheusExporterTests : IDisposable
{
    private readonly ManualTime _time = new();
    private readonly KubernetesMetrics _metrics = new();
    private readonly PrometheusExporter _exporter;

    public PrometheusExporterTests() => _exporter = new(_metrics, _time);

    public void Dispose()
    {
        _exporter.Dispose();
        _metrics.Dispose();
    }

    [Fact]
    public void CountersAddUpGaugesGoBackAndHistogramsHaveWhatIsWithinEachBound()
    {
        _metrics.Requested("get", "pods", "200", TimeSpan.FromMilliseconds(500));
        _metrics.Requested("get", "pods", "200", TimeSpan.FromSeconds(2));
        _metrics.Requested("get", "pods", "404", TimeSpan.FromSeconds(61));
        _metrics.QueueDepth("status", 3);
        _metrics.QueueDepth("status", -1);
        string[] lines = Lines();
        Assert.Equal(["# TYPE culvert_kubernetes_requests_total counter", """culvert_kubernetes_requests_total{verb="get",resource="pods",code="200"} 2""", """culvert_kubernetes_requests_total{verb="get",resource="pods",code="404"} 1"""], After(lines, "culvert_kubernetes_requests_total", 3));
        Assert.Equal(["# TYPE culvert_kubernetes_queue_depth gauge", """culvert_kubernetes_queue_depth{queue="status"} 2"""], After(lines, "culvert_kubernetes_queue_depth", 2));
        string[] duration = After(lines, "culvert_kubernetes_request_duration_seconds", 19);
        Assert.Equal("# TYPE culvert_kubernetes_request_duration_seconds histogram", duration[0]);
        Assert.Equal(["0.25 0", "0.5 1", "1 1", "2.5 2", "5 2", "10 2", "60 2", "+Inf 3"], duration[11..].Select(l => l.Replace("culvert_kubernetes_request_duration_seconds_bucket{verb=\"get\",resource=\"pods\",le=\"", "", StringComparison.Ordinal).Replace("\"}", "", StringComparison.Ordinal)));
        Assert.Equal(["""culvert_kubernetes_request_duration_seconds_sum{verb="get",resource="pods"} 63.5""", """culvert_kubernetes_request_duration_seconds_count{verb="get",resource="pods"} 3"""], duration[1..3]);
    }

    [Fact]
    public void WhatWouldEndALabelOrALineIsEscaped()
    {
        _metrics.Leading("a\\b\"c\nd", 1);
        Assert.Contains("""culvert_kubernetes_leading{lease="a\\b\"c\nd"} 1""", Lines());
    }

    [Fact]
    public void SetsOfLabelsBeyondTheLimitAreOne()
    {
        for (int i = 0; i < PrometheusFamily.MostSeries + 5; i++) _metrics.QueueAdded($"q{i}");
        string[] series = [.. Lines().Where(l => l.StartsWith("culvert_kubernetes_queue_adds_total{", StringComparison.Ordinal))];
        Assert.Equal(PrometheusFamily.MostSeries + 1, series.Length);
        Assert.Contains("""culvert_kubernetes_queue_adds_total{queue="other"} 5""", series);
    }

    [Fact]
    public void ALabelThatIsTooLongIsNotTold()
    {
        _metrics.QueueAdded(new string('a', PrometheusFamily.MostLength));
        for (int i = 0; i < 2; i++) _metrics.QueueAdded(new string((char)('b' + i), PrometheusFamily.MostLength + 1));
        string[] series = [.. Lines().Where(l => l.StartsWith("culvert_kubernetes_queue_adds_total{", StringComparison.Ordinal))];
        Assert.Equal(2, series.Length);
        Assert.Contains("""culvert_kubernetes_queue_adds_total{queue="other"} 2""", series);
    }

    [Fact]
    public void TheTextIsMadeOnceASecondHoweverManyAsk()
    {
        string[] before = Lines();
        _metrics.ListPage("pods");
        Assert.Equal(before, Lines());
        _time.Advance(TimeSpan.FromSeconds(1));
        Assert.Contains("""culvert_kubernetes_list_pages_total{resource="pods"} 1""", Lines());
    }

    [Fact]
    public void WhatAnotherClientCountsIsItsOwn()
    {
        using KubernetesMetrics other = new();
        other.ListPage("pods");
        Assert.DoesNotContain(Lines(), l => !l.StartsWith('#'));
    }

    [Fact]
    public void MetersThatAreGivenAreExportedAndGaugesSayWhatWasMeasuredLast()
    {
        using Meter given = new("given"), another = new("another");
        Gauge<long> gauge = given.CreateGauge<long>("some.gauge"), unknown = another.CreateGauge<long>("another.gauge");
        using PrometheusExporter exporter = new(_metrics, _time, given);
        foreach (long value in (long[])[7, 3])
        {
            gauge.Record(value, new KeyValuePair<string, object?>("a", "b"));
            unknown.Record(value);
        }
        string text = Encoding.UTF8.GetString(exporter.Render().Span);
        Assert.Contains("# TYPE some_gauge gauge\nsome_gauge{a=\"b\"} 3\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("another", text, StringComparison.Ordinal);
    }

    private string[] Lines() => Encoding.UTF8.GetString(_exporter.Render().Span).Split('\n', StringSplitOptions.RemoveEmptyEntries);

    private static string[] After(string[] lines, string family, int count) => [.. lines.SkipWhile(l => !l.StartsWith($"# HELP {family} ", StringComparison.Ordinal)).Skip(1).Take(count)];
}
