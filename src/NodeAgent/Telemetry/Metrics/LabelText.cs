using System.Text;
using Culvert.Exposition;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>Formats sets of labels.</summary>
internal static class LabelText
{
    internal static string Format(ReadOnlySpan<string> names, ReadOnlySpan<string> values)
    {
        if (names.Length != values.Length) throw new ArgumentException($"{names.Length} labels need as many values, not {values.Length}", nameof(values));
        StringBuilder text = new();
        for (int i = 0; i < names.Length; i++) ExpositionText.AppendLabel(text, names[i], values[i]);
        return text.ToString();
    }
}
