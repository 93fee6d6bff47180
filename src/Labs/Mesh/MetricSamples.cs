using System.Globalization;

namespace Culvert.Labs.Mesh;

/// <summary>Samples of one scrape in the Prometheus text format.</summary>
internal sealed class MetricSamples
{
    private const string TypePrefix = "# TYPE ";
    private readonly List<(string Name, string Labels, double Value)> _samples;

    private MetricSamples(List<(string Name, string Labels, double Value)> samples, IReadOnlyDictionary<string, string> types) => (_samples, Types) = (samples, types);

    /// <summary>The type of each family by its name, also of those without samples.</summary>
    public IReadOnlyDictionary<string, string> Types { get; }

    /// <summary>How many there are.</summary>
    public int Count => _samples.Count;

    /// <summary>Names that occur.</summary>
    public IReadOnlySet<string> Names => _samples.Select(s => s.Name).ToHashSet(StringComparer.Ordinal);

    /// <summary>Reads a scrape.</summary>
    /// <exception cref="FormatException">A line is no sample.</exception>
    public static MetricSamples Parse(string text)
    {
        var samples = new List<(string, string, double)>();
        foreach (var line in text.Split('\n').Where(l => l.Length > 0 && l[0] != '#'))
        {
            var brace = line.IndexOf('{', StringComparison.Ordinal);
            var end = brace < 0 ? line.IndexOf(' ', StringComparison.Ordinal) : line.LastIndexOf('}') + 1;
            if (end <= 0)
            {
                throw new FormatException($"not a sample: {line}");
            }

            var name = brace < 0 ? line[..end] : line[..brace];
            var labels = brace < 0 ? "" : line[brace..end];
            var value = line[end..].TrimStart().Split(' ')[0];
            samples.Add((name, labels, double.Parse(value.Replace("+Inf", "Infinity", StringComparison.Ordinal), CultureInfo.InvariantCulture)));
        }

        var types = text.Split('\n').Where(l => l.StartsWith(TypePrefix, StringComparison.Ordinal)).Select(l => l[TypePrefix.Length..].Split(' '));
        return new MetricSamples(samples, types.ToDictionary(t => t[0], t => t[1], StringComparer.Ordinal));
    }

    /// <summary>Sum of the samples of a name whose labels hold every given text, e.g. <c>path="direct"</c>.</summary>
    public double Sum(string name, params IReadOnlyList<string> labels) => _samples
        .Where(s => s.Name == name && labels.All(l => s.Labels.Contains(l, StringComparison.Ordinal)))
        .Sum(s => s.Value);
}
