using Culvert.Core;
using Prom = Prometheus;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>One histogram series with fixed upper bounds. Thread-safe; a scrape may see a sample later than the one after it.</summary>
public sealed class Histogram : Series
{
    // Sums are whole numbers of this part of the unit: one addition is cheaper than a loop over a floating-point number. They wrap around; differences between two scrapes stay right.
    private const double Parts = 1e9;

    // More exemplars are more than anybody scrapes.
    private static readonly TimeSpan LeastAge = TimeSpan.FromSeconds(1);

    private static readonly Prom.Exemplar.LabelKey TraceId = Prom.Exemplar.Key("trace_id");
    private static readonly Prom.Exemplar.LabelKey SpanId = Prom.Exemplar.Key("span_id");

    private readonly HistogramFamily _family;
    private readonly SeriesTable<Histogram> _table;
    private readonly double[] _bounds;
    private readonly StripedSums _cells; // for each bucket, its count and its sum
    private readonly long[] _published; // the same, as prometheus-net has it
    private DateTimeOffset[]? _exemplars; // when each bucket had its last; made with the first
    private Prom.Histogram.Child? _child;

    internal Histogram(HistogramFamily family, SeriesTable<Histogram> table, string[] labels, DateTimeOffset now)
        : base(labels, now)
    {
        double[] bounds = family.Bounds;
        (_family, _table, _bounds) = (family, table, bounds);
        _cells = new StripedSums(2 * (bounds.Length + 1));
        _published = new long[_cells.Count];
    }

    /// <summary>How many observations each bucket has, the last of them without a bound.</summary>
    internal long[] Counts()
    {
        long[] counts = new long[_bounds.Length + 1];
        for (int i = 0; i < counts.Length; i++) counts[i] = _cells.Read(2 * i);
        return counts;
    }

    /// <summary>Counts one observation in the family's unit, to 9 decimal places.</summary>
    public void Observe(double value)
    {
        Count(BucketOf(value), value);
        if (IsRemoved) _table.Return(this);
    }

    /// <summary>Counts one observation whose trace is recorded. It becomes the exemplar of its bucket, unless that has had one in the last second.</summary>
    internal void Observe(double value, ulong traceHigh, ulong traceLow, ulong span, DateTimeOffset now)
    {
        int bucket = BucketOf(value);
        DateTimeOffset[] exemplars = Volatile.Read(ref _exemplars) ?? Interlocked.CompareExchange(ref _exemplars, new DateTimeOffset[_bounds.Length + 1], null) ?? _exemplars;
        if (now - exemplars[bucket] < LeastAge)
        {
            Observe(value);
            return;
        }

        exemplars[bucket] = now;
        Prom.Exemplar exemplar = Prom.Exemplar.From(TraceId.WithValue($"{traceHigh:x16}{traceLow:x16}"), SpanId.WithValue($"{span:x16}"));
        _table.Within(this, current => current.Show(bucket, value, exemplar));
    }

    /// <summary>Brings the child of prometheus-net up to date. Under the family's lock.</summary>
    internal void Publish()
    {
        Prom.Histogram.Child child = Child();
        for (int i = 0; i <= _bounds.Length; i++)
        {
            long count = _cells.Read(2 * i) - _published[2 * i];
            if (count <= 0) continue;
            double mean = (_cells.Read((2 * i) + 1) - _published[(2 * i) + 1]) / Parts / count;
            double above = i > 0 ? _bounds[i - 1] : double.NegativeInfinity, most = i < _bounds.Length ? _bounds[i] : double.PositiveInfinity;

            // Below the bucket by more than rounding: an observation is counted whose value is still to come. The next scrape has both.
            if (mean < above - (1 / Parts)) continue;

            // The child has no other way to take a sum than by values: the mean of those of a bucket is in the bucket, too.
            mean = Math.Min(Math.Max(mean, i > 0 ? Math.BitIncrement(above) : mean), most);
            child.Observe(mean, count);
            NotePublished(i, count, mean * count);
        }
    }

    /// <summary>Gives what it has counted to the series that has its place. Under the family's lock.</summary>
    internal void MoveTo(Histogram other)
    {
        for (int i = 0; i < _cells.Count; i++) other._cells.Add(i, _cells.Take(i));
    }

    private protected override long Updates()
    {
        long count = 0;
        for (int i = 0; i < _cells.Count; i += 2) count += _cells.Read(i);
        return count;
    }

    private protected override bool TryForget(long updates)
    {
        Span<long> seen = stackalloc long[_cells.Count];
        long count = 0;
        for (int i = 0; i < seen.Length; i++)
        {
            seen[i] = _cells.Read(i);
            if (i % 2 == 0) count += seen[i];
        }

        if (count != updates) return false;
        for (int i = 0; i < seen.Length; i++) _cells.Add(i, -seen[i]);
        Array.Clear(_published);
        _child?.Remove();
        _child = null;
        return true;
    }

    // Counted first, then added: code that sees no count can be sure that there is no value of it either.
    private void Count(int bucket, double value)
    {
        _cells.Add(2 * bucket, 1);
        _cells.Add((2 * bucket) + 1, (long)((value * Parts) + 0.5));
    }

    // Counted here and there at once: only an observation of the child's own can have an exemplar. Under the family's lock.
    private void Show(int bucket, double value, Prom.Exemplar exemplar)
    {
        Child().Observe(value, exemplar);
        Count(bucket, value);
        NotePublished(bucket, 1, value);
    }

    private void NotePublished(int bucket, long count, double sum)
    {
        _published[2 * bucket] += count;
        _published[(2 * bucket) + 1] += (long)((sum * Parts) + 0.5);
    }

    private Prom.Histogram.Child Child()
    {
        if (_child is null)
        {
            _child = _family.ChildOf(Labels);
            _child.Publish();
        }

        return _child;
    }

    private int BucketOf(double value)
    {
        double[] bounds = _bounds;
        int i = 0;
        while (i + 4 <= bounds.Length && value > bounds[i + 3]) i += 4; // most families have fifteen
        while (i < bounds.Length && value > bounds[i]) i++;
        return i;
    }
}
