using System.Globalization;
using System.Text;

namespace Culvert.Exposition;

/// <summary>Lines of the Prometheus text format (version 0.0.4), which agent and controller both write.</summary>
internal static class ExpositionText
{
    /// <summary>Upper bounds of histograms of durations, in seconds: from 0.5 ms to 60 s.</summary>
    internal static readonly double[] SecondBounds = [0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 60];

    /// <summary>Appends what comes before the samples of a family.</summary>
    internal static void AppendHeader(StringBuilder text, string name, string help, string type)
    {
        text.Append("# HELP ").Append(name).Append(' ');
        AppendEscaped(text, help, quotes: false);
        text.Append("\n# TYPE ").Append(name).Append(' ').Append(type).Append('\n');
    }

    /// <summary>Appends a label to those that are there.</summary>
    internal static void AppendLabel(StringBuilder labels, string name, string value)
    {
        if (labels.Length > 0) labels.Append(',');
        labels.Append(name).Append("=\"");
        AppendEscaped(labels, value, quotes: true);
        labels.Append('"');
    }

    /// <summary>Appends a sample.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">Its name.</param>
    /// <param name="labels">Its labels as <see cref="AppendLabel"/> writes them; empty without.</param>
    /// <param name="value">Its value.</param>
    internal static void AppendSample(StringBuilder text, string name, string labels, double value)
    {
        text.Append(name);
        if (labels.Length > 0) text.Append('{').Append(labels).Append('}');
        text.Append(' ').Append(value.ToString("R", CultureInfo.InvariantCulture)).Append('\n');
    }

    /// <summary>Appends the samples of a histogram.</summary>
    /// <param name="text">The text.</param>
    /// <param name="name">Its name.</param>
    /// <param name="labels">Its labels.</param>
    /// <param name="bounds">Upper bounds of its buckets, ascending.</param>
    /// <param name="bucket">How many were within a bound and beyond the one before; the last, beyond all of them.</param>
    /// <param name="sum">Of all values.</param>
    /// <param name="exemplar">What stands behind a bucket as an example of it, which only OpenMetrics has; null: nothing.</param>
    internal static void AppendHistogram(StringBuilder text, string name, string labels, ReadOnlySpan<double> bounds, Func<int, long> bucket, double sum, Func<int, object?>? exemplar = null)
    {
        string comma = labels.Length > 0 ? labels + "," : "";
        long count = 0;
        for (int i = 0; i <= bounds.Length; i++)
        {
            count += bucket(i);
            string bound = i < bounds.Length ? bounds[i].ToString("R", CultureInfo.InvariantCulture) : "+Inf";
            AppendSample(text, name + "_bucket", $"{comma}le=\"{bound}\"", count);
            if (exemplar?.Invoke(i) is { } example) text.Insert(text.Length - 1, example.ToString());
        }
        AppendSample(text, name + "_sum", labels, sum);
        AppendSample(text, name + "_count", labels, count);
    }

    private static void AppendEscaped(StringBuilder text, string value, bool quotes)
    {
        foreach (char c in value)
        {
            _ = c switch
            {
                '\\' => text.Append("\\\\"),
                '"' when quotes => text.Append("\\\""),
                '\n' => text.Append("\\n"),
                _ => text.Append(c),
            };
        }
    }
}
