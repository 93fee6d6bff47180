using Prom = Prometheus;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>A named metric with all its series.</summary>
public interface IMetricFamily
{
    /// <summary>Full name, with unit suffix, as Prometheus shows it.</summary>
    string Name { get; }

    /// <summary>One line of help.</summary>
    string Help { get; }

    /// <summary><c>counter</c>, <c>gauge</c> or <c>histogram</c>.</summary>
    string Type { get; }

    /// <summary>The names of its labels, in the order of their values.</summary>
    IReadOnlyList<string> LabelNames { get; }

    /// <summary>Takes what the registry gives to all its families. Called once, by <see cref="MetricRegistry.Add"/>.</summary>
    internal void Join(MetricRegistry registry, Prom.IMetricFactory collectors);

    /// <summary>Brings the collectors of prometheus-net up to date. Called before each scrape.</summary>
    internal void Publish();

    /// <summary>Removes the series that nobody has updated for a while and whose subject is gone.</summary>
    internal void Sweep(DateTimeOffset now, IMeshSubjects mesh);
}
