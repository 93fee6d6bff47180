using System.Text;

namespace Culvert.NodeAgent.Telemetry.Metrics;

/// <summary>Formats label sets with the escapes of the exposition format.</summary>
internal static class LabelText
{
    internal static string Format(ReadOnlySpan<string> names, ReadOnlySpan<string> values)
    {
        if (names.Length != values.Length) throw new ArgumentException($"{names.Length} labels need as many values, not {values.Length}", nameof(values));
        if (names.IsEmpty) return "";
        StringBuilder text = new();
        for (int i = 0; i < names.Length; i++)
        {
            if (i > 0) text.Append(',');
            text.Append(names[i]).Append("=\"");
            foreach (char c in values[i])
            {
                _ = c switch
                {
                    '\\' => text.Append("\\\\"),
                    '"' => text.Append("\\\""),
                    '\n' => text.Append("\\n"),
                    _ => text.Append(c),
                };
            }
            text.Append('"');
        }
        return text.ToString();
    }

    internal static void AppendSample(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0) text.Append('{').Append(labels).Append('}');
        text.Append(' ').Append(value.ToString("R", System.Globalization.CultureInfo.InvariantCulture)).Append('\n');
    }
}
