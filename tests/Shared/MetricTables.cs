namespace Culvert.Tests.Shared;

/// <summary>The tables of metrics in <c>docs/metrics.md</c>.</summary>
internal static class MetricTables
{
    private const string Inherited = "those above";
    private static readonly string[] Lines = File.ReadAllLines(Repository.PathOf("docs/metrics.md"));

    /// <summary>What the tables say whose first column is called so, by name.</summary>
    /// <param name="names"><c>name</c> for families of the agent, <c>instrument</c> for those of the controller's meters.</param>
    public static IReadOnlyList<DocumentedMetric> Of(string names)
    {
        string header = $"| {names} | type | labels | meaning |";
        List<DocumentedMetric> metrics = [];
        for (int i = 0; i < Lines.Length; i++)
        {
            if (Lines[i] != header) continue;
            for (int row = i + 2; row < Lines.Length && Lines[row].StartsWith('|'); row++) metrics.AddRange(Read(Lines[row], i));
        }
        return [.. metrics.OrderBy(m => m.Name, StringComparer.Ordinal)];
    }

    private static IEnumerable<DocumentedMetric> Read(string row, int header)
    {
        string[] cells = row.Split('|', StringSplitOptions.TrimEntries);
        IEnumerable<string> labels = (cells[3].StartsWith(Inherited, StringComparison.Ordinal) ? LabelsAbove(header) : []).Concat(Quoted(cells[3]));
        return Quoted(cells[1]).Select(name => new DocumentedMetric(name, cells[2], string.Join(", ", labels)));
    }

    /// <summary>The labels that a paragraph before the table lists, with some of their values in parentheses.</summary>
    private static IEnumerable<string> LabelsAbove(int header)
    {
        int start = Array.FindLastIndex(Lines, header, l => l.StartsWith("Labels: ", StringComparison.Ordinal));
        string paragraph = string.Join(' ', Lines.Skip(start).TakeWhile(l => l.Length > 0));
        return Quoted(string.Concat(paragraph.Split('(').Select((part, i) => i == 0 ? part : part[(part.IndexOf(')', StringComparison.Ordinal) + 1)..])));
    }

    /// <summary>What stands between backticks.</summary>
    private static IEnumerable<string> Quoted(string text) => text.Split('`').Where((_, i) => i % 2 == 1);
}
