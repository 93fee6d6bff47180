namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>One histogram series with fixed upper bounds. Thread-safe; a scrape may see a sample's count before its sum.</summary>
public sealed class Histogram
{
    // More are more than anybody scrapes.
    private static readonly TimeSpan LeastAge = TimeSpan.FromSeconds(1);

    private readonly double[] _bounds;
    private readonly long[] _buckets;
    private double _sum;
    private Exemplar?[]? _exemplars; // made with the first

    internal Histogram(double[] bounds)
    {
        _bounds = bounds;
        _buckets = new long[bounds.Length + 1];
    }

    internal ReadOnlySpan<double> Bounds => _bounds;

    internal double Sum => Volatile.Read(ref _sum);

    /// <summary>How many observations each bucket has, the last of them without a bound.</summary>
    internal long[] Counts() => [.. Enumerable.Range(0, _buckets.Length).Select(Bucket)];

    internal long Bucket(int index) => Volatile.Read(ref _buckets[index]);

    /// <summary>The last of a bucket's observations that is kept as an example of it; null: none is.</summary>
    internal Exemplar? Exemplar(int index) => _exemplars is { } exemplars ? Volatile.Read(ref exemplars[index]) : null;

    /// <summary>Keeps an observation, which is counted by itself, as an example of its bucket, unless that has had one in the last second.</summary>
    internal void Keep(double value, ulong traceHigh, ulong traceLow, ulong span, DateTimeOffset now)
    {
        Exemplar?[] exemplars = _exemplars ?? Interlocked.CompareExchange(ref _exemplars, new Exemplar?[_buckets.Length], null) ?? _exemplars;
        ref Exemplar? kept = ref exemplars[BucketOf(value)];
        if (Volatile.Read(ref kept) is { } last && now - last.Time < LeastAge) return;
        Volatile.Write(ref kept, new Exemplar(traceHigh, traceLow, span, value, now));
    }

    /// <summary>Counts one observation in the family's unit.</summary>
    public void Observe(double value)
    {
        int i = BucketOf(value);
        Interlocked.Increment(ref _buckets[i]);
        double seen;
        do seen = Volatile.Read(ref _sum);
        while (Interlocked.CompareExchange(ref _sum, seen + value, seen) != seen);
    }

    private int BucketOf(double value)
    {
        int i = 0;
        while (i < _bounds.Length && value > _bounds[i]) i++;
        return i;
    }
}
