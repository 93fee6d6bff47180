using System.Text;
using Culvert.Exposition;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>A gauge or counter whose series are read when scraped, for values that live elsewhere (kernel maps, process).</summary>
public sealed class CallbackFamily(string name, string help, string type, string[] labelNames, Func<IEnumerable<CallbackSample>> read) : IMetricFamily
{
    /// <inheritdoc/>
    public string Name => name;

    /// <inheritdoc/>
    public string Help => help;

    /// <inheritdoc/>
    public string Type => type;

    /// <inheritdoc/>
    public IReadOnlyList<string> LabelNames => labelNames;

    /// <inheritdoc/>
    public void Write(StringBuilder text, bool openMetrics)
    {
        foreach (CallbackSample sample in read()) ExpositionText.AppendSample(text, name, LabelText.Format(labelNames, sample.Labels), sample.Value);
    }
}

/// <summary>One value with its label values, in the order of the family's label names.</summary>
public readonly record struct CallbackSample(string[] Labels, double Value)
{
    /// <summary>A value without labels.</summary>
    public static CallbackSample[] Single(double value) => [new([], value)];
}
