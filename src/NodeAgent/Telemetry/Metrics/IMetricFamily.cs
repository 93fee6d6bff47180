using System.Text;

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

    /// <summary>What its labels are called, in the order of their values.</summary>
    IReadOnlyList<string> LabelNames { get; }

    /// <summary>Appends every series. Called from the scrape thread.</summary>
    /// <param name="text">The text.</param>
    /// <param name="openMetrics">Whether it is OpenMetrics, which has exemplars.</param>
    void Write(StringBuilder text, bool openMetrics);
}
