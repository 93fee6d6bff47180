namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>Has the series of a registry swept each minute until it is disposed. Thread-safe.</summary>
internal sealed class SeriesExpiry : IDisposable
{
    private static readonly TimeSpan Interval = TimeSpan.FromMinutes(1);

    private readonly Lock _lock = new();
    private readonly MetricRegistry _registry;
    private readonly IMeshSubjects _mesh;
    private readonly ITimer _timer;

    /// <param name="registry">Has the series.</param>
    /// <param name="mesh">Says which of their subjects exist.</param>
    /// <param name="time">The clock.</param>
    internal SeriesExpiry(MetricRegistry registry, IMeshSubjects mesh, TimeProvider time)
    {
        (_registry, _mesh) = (registry, mesh);
        _timer = time.CreateTimer(_ => Sweep(), null, Interval, Interval);
    }

    /// <inheritdoc/>
    public void Dispose() => _timer.Dispose();

    private void Sweep()
    {
        lock (_lock) _registry.Sweep(_mesh);
    }
}
