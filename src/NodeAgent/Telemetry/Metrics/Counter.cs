using Culvert.Core;
using Prom = Prometheus;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>One monotonic series. Thread-safe, lock-free.</summary>
public sealed class Counter : Series
{
    private readonly CounterFamily _family;
    private readonly SeriesTable<Counter> _table;
    private readonly StripedSums _value = new(1);
    private long _published;
    private Prom.Counter.Child? _child;

    internal Counter(CounterFamily family, SeriesTable<Counter> table, string[] labels, DateTimeOffset now)
        : base(labels, now) => (_family, _table) = (family, table);

    /// <summary>Current total.</summary>
    public long Value => _value.Read(0);

    /// <summary>Adds <paramref name="amount"/>, at least 0.</summary>
    public void Add(long amount)
    {
        _value.Add(0, amount);
        if (IsRemoved) _table.Return(this);
    }

    /// <summary>Adds one.</summary>
    public void Increment() => Add(1);

    /// <summary>Brings the child of prometheus-net up to date. Under the family's lock.</summary>
    internal void Publish()
    {
        if (_child is null)
        {
            _child = _family.ChildOf(Labels);
            _child.Publish();
        }

        long value = Value;
        if (value == _published) return;
        _child.Inc(value - _published);
        _published = value;
    }

    /// <summary>Gives what it has counted to the series that has its place. Under the family's lock.</summary>
    internal void MoveTo(Counter other) => other._value.Add(0, _value.Take(0));

    private protected override long Updates() => Value;

    private protected override bool TryForget(long updates)
    {
        if (Value != updates) return false;
        _value.Add(0, -updates);
        _published = 0;
        _child?.Remove();
        _child = null;
        return true;
    }
}
