using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.Tests.Shared;

namespace Culvert.NodeAgent.Tests.Telemetry;

/// <summary>Series of what is gone make room, those of what exists stay, and no update is lost.</summary>
public sealed class SeriesExpiryTests : IDisposable
{
    private static readonly string[] Labels = ["source_workload", "source_workload_namespace"];

    private readonly ManualTime _time = new();
    private readonly MeshWorld _mesh = new("demo/live");
    private readonly MetricRegistry _registry;
    private readonly SeriesExpiry _expiry;

    public SeriesExpiryTests()
    {
        _registry = new MetricRegistry(_time);
        _expiry = new SeriesExpiry(_registry, _mesh, _time);
    }

    public void Dispose() => _expiry.Dispose();

    [Fact]
    public void AChurnOfTenThousandLabelSetsNeverEndsInOther()
    {
        CounterFamily family = _registry.Add(new CounterFamily("c_total", "C.", Labels));
        Counter live = family.With("live", "demo");
        live.Increment();
        for (int i = 0; i < 10_000; i++)
        {
            family.With($"job-{i}", "demo").Increment();
            if (i % 100 == 99) _time.Advance(TimeSpan.FromMinutes(1));
        }

        string text = Text();
        Assert.DoesNotContain("other", text, StringComparison.Ordinal);
        Assert.Contains("c_total{source_workload=\"job-9999\",source_workload_namespace=\"demo\"} 1\n", text, StringComparison.Ordinal);
        Assert.DoesNotContain("job-8000", text, StringComparison.Ordinal);
        Assert.Contains("c_total{source_workload=\"live\",source_workload_namespace=\"demo\"} 1\n", text, StringComparison.Ordinal);
        Assert.Same(live, family.With("live", "demo"));
        Assert.InRange(text.Count(c => c == '\n'), 1000, 1200); // the last ten minutes' and the header
    }

    [Fact]
    public void WhatWasCountedAsOtherStaysWhenThereIsRoomAgain()
    {
        CounterFamily family = _registry.Add(new CounterFamily("c_total", "C.", Labels, seriesLimit: 2));
        for (int i = 0; i < 5; i++) family.With($"job-{i}", "demo").Increment();
        Assert.Contains("c_total{source_workload=\"other\",source_workload_namespace=\"other\"} 3\n", Text(), StringComparison.Ordinal);
        _time.Advance(TimeSpan.FromMinutes(11));
        family.With("job-5", "demo").Increment();
        Assert.Equal(
            """
            c_total{source_workload="other",source_workload_namespace="other"} 3
            c_total{source_workload="job-5",source_workload_namespace="demo"} 1
            """.Split('\n').Order(StringComparer.Ordinal), Samples().Order(StringComparer.Ordinal));
    }

    [Fact]
    public void ASeriesGoesWithinTenMinutesOfItsWorkload()
    {
        CounterFamily family = _registry.Add(new CounterFamily("c_total", "C.", Labels));
        family.With("live", "demo").Increment();
        _time.Advance(TimeSpan.FromHours(3));
        Assert.Single(Samples());
        _mesh.Workloads.Clear();
        _time.Advance(MetricRegistry.IdleTime + TimeSpan.FromMinutes(1));
        Assert.Empty(Samples());
    }

    [Fact]
    public void ASeriesOfWhatIsGoneStaysWhileItIsUpdated()
    {
        CounterFamily family = _registry.Add(new CounterFamily("c_total", "C.", Labels));
        Counter held = family.With("job", "demo");
        for (int i = 0; i < 30; i++)
        {
            held.Increment();
            _time.Advance(TimeSpan.FromMinutes(1));
        }

        Assert.Equal(["c_total{source_workload=\"job\",source_workload_namespace=\"demo\"} 30"], Samples());
    }

    [Fact]
    public void AHeldCounterComesBackWithWhatItCountsFromThenOn()
    {
        CounterFamily family = _registry.Add(new CounterFamily("c_total", "C.", Labels));
        Counter held = family.With("job", "demo");
        held.Add(7);
        Assert.Single(Samples());
        _time.Advance(TimeSpan.FromMinutes(11));
        Assert.Empty(Samples());
        held.Add(2);
        Assert.Equal(["c_total{source_workload=\"job\",source_workload_namespace=\"demo\"} 2"], Samples());
        Assert.Same(held, family.With("job", "demo"));
    }

    [Fact]
    public void AHeldCounterGivesWhatItCountsToTheOneThatHasItsPlace()
    {
        CounterFamily family = _registry.Add(new CounterFamily("c_total", "C.", Labels));
        Counter held = family.With("job", "demo");
        held.Add(7);
        _time.Advance(TimeSpan.FromMinutes(11));
        Counter current = family.With("job", "demo");
        Assert.NotSame(held, current);
        current.Increment();
        held.Add(2);
        Assert.Equal(["c_total{source_workload=\"job\",source_workload_namespace=\"demo\"} 3"], Samples());
    }

    [Fact]
    public void AHeldHistogramComesBackToo()
    {
        HistogramFamily family = _registry.Add(new HistogramFamily("h_seconds", "H.", Labels, [1]));
        Histogram held = family.With("job", "demo");
        held.Observe(0.5);
        Assert.NotEmpty(Samples());
        _time.Advance(TimeSpan.FromMinutes(11));
        Assert.Empty(Samples());
        held.Observe(3);
        Assert.Contains("h_seconds_sum{source_workload=\"job\",source_workload_namespace=\"demo\"} 3", Samples());
        Assert.Contains("h_seconds_bucket{source_workload=\"job\",source_workload_namespace=\"demo\",le=\"1\"} 0", Samples());
        Assert.Equal([0, 1], held.Counts());
    }

    [Fact]
    public async Task NoUpdateIsLostWhileTheSeriesIsRemoved()
    {
        const int Updates = 20_000, Mark = 1_000_000;
        MetricRegistry registry = new(_time);
        Counter held = registry.Add(new CounterFamily("c_total", "C.", Labels)).With("job", "demo");
        Task[] updating = [.. Enumerable.Range(0, 2).Select(_ => Task.Run(() =>
        {
            for (int i = 0; i < Updates; i++)
            {
                held.Increment();
                Thread.SpinWait(200); // so that some sweeps see none
            }
        }))];
        long marks = 0, forgotten = 0;
        bool isOver;
        do
        {
            // More than all the updates together: what is less afterwards was removed in between.
            isOver = updating.All(u => u.IsCompleted);
            held.Add(Mark);
            marks += Mark;
            registry.Sweep(_mesh);
            _time.Advance(MetricRegistry.IdleTime);
            long before = held.Value;
            registry.Sweep(_mesh);
            if (held.Value < before) forgotten += before;
        }
        while (!isOver);
        await Task.WhenAll(updating);
        Assert.True(held.IsRemoved); // the last sweep had nothing in its way
        Assert.Equal(marks + (2 * Updates), forgotten + held.Value);
    }

    [Fact]
    public void SeriesOfFixedLabelsStay()
    {
        _registry.Add(new CounterFamily("c_total", "C.", ["result"])).With("ok").Increment();
        _time.Advance(TimeSpan.FromDays(1));
        Assert.Single(Samples());
    }

    [Fact]
    public void AKeyWhoseSeriesAreGoneMakesRoomForAnother()
    {
        CounterFamily family = _registry.Add(new CounterFamily("c_total", "C.", Labels));
        BoundedSeries<string, Counter[]> series = new(_registry, [family.Name], 2, "other", key => [family.With(key, "demo")], counters => counters[0].IsRemoved);
        foreach (string job in (string[])["a", "b", "c"]) series.Of(job)[0].Increment();
        Assert.Equal(3, series.All.Count());
        _time.Advance(TimeSpan.FromMinutes(11));
        series.Of("d")[0].Increment();
        Assert.Equal(["d", "other"], series.All.Select(s => s[0].Labels[0]));
    }

    [Fact]
    public void AKeyBeyondTheNumberOfKeysIsCountedAsAFallback()
    {
        _registry.CountFallbacks();
        CounterFamily family = _registry.Add(new CounterFamily("c_total", "C.", Labels));
        BoundedSeries<string, Counter[]> series = new(_registry, [family.Name], 1, "other", key => [family.With(key, "demo")], counters => counters[0].IsRemoved);
        foreach (string job in (string[])["a", "b", "c", "a"]) series.Of(job)[0].Increment();
        Assert.Contains("""culvert_metric_fallbacks_total{metric="c_total",reason="series-limit"} 2""", Samples());
    }

    private string Text() => _registry.Render(openMetrics: false);

    private string[] Samples() => [.. Text().Split('\n', StringSplitOptions.RemoveEmptyEntries).Where(l => !l.StartsWith('#'))];
}
