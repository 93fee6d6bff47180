using Culvert.NodeAgent.Telemetry.Metrics;

namespace Culvert.NodeAgent.Tests.Telemetry;

public sealed class MetricRegistryTests
{
    [Fact]
    public void CountersAreRenderedWithEscapedLabelsInBothFormats()
    {
        MetricRegistry registry = new();
        CounterFamily family = registry.Add(new CounterFamily("culvert_things_total", "Things.", ["who"]));
        family.With("a\"b\\c\nd").Add(3);
        Assert.Equal("# HELP culvert_things_total Things.\n# TYPE culvert_things_total counter\nculvert_things_total{who=\"a\\\"b\\\\c\\nd\"} 3\n", registry.Render(openMetrics: false));
        Assert.Equal("# HELP culvert_things Things.\n# TYPE culvert_things counter\nculvert_things_total{who=\"a\\\"b\\\\c\\nd\"} 3\n# EOF\n", registry.Render(openMetrics: true));
    }

    [Fact]
    public void HistogramBucketsAreCumulative()
    {
        MetricRegistry registry = new();
        HistogramFamily family = registry.Add(new HistogramFamily("h_seconds", "H.", [], [0.1, 1]));
        foreach (double value in (double[])[0.05, 0.1, 0.5, 7]) family.With().Observe(value);
        string text = registry.Render(openMetrics: false);
        Assert.Contains("h_seconds_bucket{le=\"0.1\"} 2\n", text, StringComparison.Ordinal);
        Assert.Contains("h_seconds_bucket{le=\"1\"} 3\n", text, StringComparison.Ordinal);
        Assert.Contains("h_seconds_bucket{le=\"+Inf\"} 4\n", text, StringComparison.Ordinal);
        Assert.Contains("h_seconds_sum 7.65\n", text, StringComparison.Ordinal);
        Assert.Contains("h_seconds_count 4\n", text, StringComparison.Ordinal);
    }

    [Fact]
    public void LabelSetsPastTheLimitShareOneSeries()
    {
        CounterFamily family = new("c_total", "C.", ["peer"], seriesLimit: 2);
        for (int i = 0; i < 10; i++) family.With($"peer{i}").Increment();
        System.Text.StringBuilder text = new();
        family.Write(text, openMetrics: false);
        Assert.Equal("c_total{peer=\"other\"} 8\nc_total{peer=\"peer0\"} 1\nc_total{peer=\"peer1\"} 1\n", text.ToString());
    }

    [Fact]
    public void TwoFamiliesCannotShareAName()
    {
        MetricRegistry registry = new();
        registry.Add(new CounterFamily("x_total", "X.", []));
        Assert.Throws<ArgumentException>(() => registry.Add(new CounterFamily("x_total", "X.", [])));
    }
}
