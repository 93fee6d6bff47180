namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>One histogram series with fixed upper bounds. Thread-safe; a scrape may see a sample's count before its sum.</summary>
public sealed class Histogram
{
    private readonly double[] _bounds;
    private readonly long[] _buckets;
    private double _sum;

    internal Histogram(double[] bounds)
    {
        _bounds = bounds;
        _buckets = new long[bounds.Length + 1];
    }

    internal ReadOnlySpan<double> Bounds => _bounds;

    internal double Sum => Volatile.Read(ref _sum);

    internal long Bucket(int index) => Volatile.Read(ref _buckets[index]);

    /// <summary>Counts one observation in the family's unit.</summary>
    public void Observe(double value)
    {
        int i = 0;
        while (i < _bounds.Length && value > _bounds[i]) i++;
        Interlocked.Increment(ref _buckets[i]);
        double seen;
        do seen = Volatile.Read(ref _sum);
        while (Interlocked.CompareExchange(ref _sum, seen + value, seen) != seen);
    }
}
