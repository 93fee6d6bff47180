using System.Globalization;
using Culvert.Core;
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
        Assert.Equal("# HELP culvert_things Things.\n# TYPE culvert_things counter\nculvert_things_total{who=\"a\\\"b\\\\c\\nd\"} 3.0\n# EOF\n", registry.Render(openMetrics: true));
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
    public void AHistogramHasEachObservationOnceAfterHoweverManyScrapes()
    {
        MetricRegistry registry = new();
        Histogram histogram = registry.Add(new HistogramFamily("h_seconds", "H.", [], [0.1, 1])).With();
        foreach (double value in (double[])[0.1, 0.1000000001, 1, 0.3, 200])
        {
            histogram.Observe(value);
            registry.Render(openMetrics: false);
        }

        // The second value is beyond the first bound by less than sums are kept to.
        Assert.Equal(
            ["h_seconds_bucket{le=\"+Inf\"} 5", "h_seconds_bucket{le=\"0.1\"} 1", "h_seconds_bucket{le=\"1\"} 4", "h_seconds_count 5"],
            registry.Render(openMetrics: false).Split('\n').Where(l => l.Contains("_bucket", StringComparison.Ordinal) || l.Contains("_count", StringComparison.Ordinal)).Order(StringComparer.Ordinal));
        string sum = registry.Render(openMetrics: false).Split('\n').Single(l => l.StartsWith("h_seconds_sum ", StringComparison.Ordinal));
        Assert.Equal(201.5, double.Parse(sum["h_seconds_sum ".Length..], CultureInfo.InvariantCulture), 1e-6);
        Assert.Equal([1, 3, 1], histogram.Counts());
    }

    [Theory]
    [InlineData(8)]
    [InlineData(0.0000001)]
    [InlineData(9)]
    [InlineData(-1)]
    public async Task ConcurrentObservationsAreAllCounted(double value)
    {
        const int threads = 4, observations = 700_000;
        MetricRegistry registry = new();
        Histogram histogram = registry.Add(new HistogramFamily("h_seconds", "H.", [], [0.1, 10])).With();
        Task[] observers = new Task[threads];
        for (int i = 0; i < threads; i++)
        {
            bool isLoop = i % 2 == 0;
            observers[i] = Task.Run(
                () =>
                {
                    using ThreadStripe? stripe = isLoop ? ThreadStripe.Claim() : null;
                    for (int n = 0; n < observations; n++) histogram.Observe(value);
                },
                TestContext.Current.CancellationToken);
        }

        Task all = Task.WhenAll(observers);
        while (!all.IsCompleted) registry.Render(openMetrics: false);
        await all;
        const long total = (long)threads * observations;
        Assert.Equal(total, histogram.Counts().Sum());
        string sum = registry.Render(openMetrics: false).Split('\n').Single(l => l.StartsWith("h_seconds_sum ", StringComparison.Ordinal));
        Assert.Equal(1, double.Parse(sum["h_seconds_sum ".Length..], CultureInfo.InvariantCulture) / (value * total), 1e-6);
    }

    [Fact]
    public void AnExemplarIsCountedOnceAndHasItsTrace()
    {
        MetricRegistry registry = new();
        Histogram histogram = registry.Add(new HistogramFamily("h_seconds", "H.", [], [0.1, 1])).With();
        DateTimeOffset now = DateTimeOffset.UtcNow;
        histogram.Observe(0.5);
        histogram.Observe(0.25, 1, 2, 3, now);
        histogram.Observe(0.75, 4, 5, 6, now); // within a second of the first
        string text = registry.Render(openMetrics: true);
        Assert.Matches("h_seconds_bucket{le=\"1.0\"} 3 # {trace_id=\"00000000000000010000000000000002\",span_id=\"0000000000000003\"} 0.25 [0-9.]+\n", text);
        Assert.Contains("h_seconds_sum 1.5\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain(" # {", registry.Render(openMetrics: false), StringComparison.Ordinal);
        Assert.Equal([0, 3, 0], histogram.Counts());
    }

    [Fact]
    public void LabelSetsPastTheLimitShareOneSeriesAndAreCounted()
    {
        MetricRegistry registry = new();
        registry.CountFallbacks();
        CounterFamily family = registry.Add(new CounterFamily("c_total", "C.", ["peer"], seriesLimit: 2));
        for (int i = 0; i < 10; i++) family.With($"peer{i}").Increment();
        Assert.Equal(
            ["c_total{peer=\"other\"} 8", "c_total{peer=\"peer0\"} 1", "c_total{peer=\"peer1\"} 1", "culvert_metric_fallbacks_total{metric=\"c_total\",reason=\"series-limit\"} 8"], Samples(registry));
    }

    [Fact]
    public void AValueThatIsTooLongIsShortenedAndCounted()
    {
        MetricRegistry registry = new();
        registry.CountFallbacks();
        CounterFamily family = registry.Add(new CounterFamily("c_total", "C.", ["peer"]));
        string longest = new('a', 1024), tooLong = longest + "b", another = longest + "c";
        family.With(longest).Increment();
        for (int i = 0; i < 3; i++) family.With(tooLong).Increment();
        family.With(another).Increment();
        string[] samples = Samples(registry);
        Assert.Equal(4, samples.Length);
        Assert.Contains($"c_total{{peer=\"{longest}\"}} 1", samples);
        Assert.Single(samples, s => s.StartsWith("c_total{peer=\"aaa", StringComparison.Ordinal) && s.EndsWith("\"} 3", StringComparison.Ordinal) && s.Contains("aa~", StringComparison.Ordinal) && s.Length == "c_total{peer=\"\"} 3".Length + 1024);
        Assert.Contains("culvert_metric_fallbacks_total{metric=\"c_total\",reason=\"label-length\"} 2", samples);
    }

    [Fact]
    public void OwnerLabelsAreThereForThoseThatHaveAnOwner()
    {
        MetricRegistry registry = new();
        CounterFamily family = registry.Add(new CounterFamily("c_total", "C.", ["reporter", .. OwnerLabels.Names, "code"]));
        family.With(["source", .. OwnerLabels.Of(new WorkloadOwner(WorkloadOwnerKind.Deployment, "web"), new WorkloadOwner(WorkloadOwnerKind.StatefulSet, "db")), "2xx"]).Increment();
        family.With(["source", .. OwnerLabels.Of(null, new WorkloadOwner(WorkloadOwnerKind.Job, "web")), "2xx"]).Increment();
        family.With(["source", .. OwnerLabels.Of(null, null), "2xx"]).Increment();
        string text = registry.Render(openMetrics: false);
        Assert.Single(text.Split('\n'), l => l.StartsWith("# TYPE", StringComparison.Ordinal));
        Assert.Equal(
            [
                "c_total{reporter=\"source\",code=\"2xx\"} 1",
                "c_total{reporter=\"source\",destination_job=\"web\",code=\"2xx\"} 1",
                "c_total{reporter=\"source\",source_deployment=\"web\",destination_statefulset=\"db\",code=\"2xx\"} 1",
            ],
            Samples(registry));
    }

    [Fact]
    public void SeriesThatAreReadComeAndGoWithTheirSamples()
    {
        MetricRegistry registry = new();
        CallbackSample[] now = [new(["a"], 5), new(["b"], 2)];
        registry.Add(new CallbackFamily("g", "G.", "gauge", ["map"], () => now));
        registry.Add(new CallbackFamily("n_total", "N.", "counter", ["map"], () => now));
        Assert.Equal(["g{map=\"a\"} 5", "g{map=\"b\"} 2", "n_total{map=\"a\"} 5", "n_total{map=\"b\"} 2"], Samples(registry));
        now = [new(["a"], 3)];
        Assert.Equal(["g{map=\"a\"} 3", "n_total{map=\"a\"} 3"], Samples(registry));
        now = [];
        Assert.Empty(Samples(registry));
    }

    [Fact]
    public void AFamilyThatCannotBeReadIsLeftOutAndCounted()
    {
        MetricRegistry registry = new();
        registry.Add(new CallbackFamily("g", "G.", "gauge", [], () => CallbackSample.Single(1)));
        bool isBroken = false;
        registry.Add(new CallbackFamily("broken", "B.", "gauge", [], () => isBroken ? throw new IOException("no such map") : CallbackSample.Single(1)));
        registry.CountFallbacks();
        Assert.Equal(["broken 1", "g 1"], Samples(registry));
        isBroken = true;
        Assert.Equal(["culvert_metric_fallbacks_total{metric=\"broken\",reason=\"read-failed\"} 1", "g 1"], Samples(registry));
    }

    [Fact]
    public void TwoFamiliesCannotShareAName()
    {
        MetricRegistry registry = new();
        registry.Add(new CounterFamily("x_total", "X.", []));
        Assert.Throws<ArgumentException>(() => registry.Add(new CounterFamily("x_total", "X.", [])));
    }

    private static string[] Samples(MetricRegistry registry) =>
        [.. registry.Render(openMetrics: false).Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.StartsWith('#')).Order(StringComparer.Ordinal)];
}
