namespace Culvert.Controller.Schema;

/// <summary>What has changed between two lists of errors or warnings. One that only moved to another line is the same one.</summary>
/// <param name="New">Those that were not there, in the order of the list.</param>
/// <param name="Gone">Those that are there no more, as they were.</param>
public sealed record SourceErrorChanges(IReadOnlyList<SourceError> New, IReadOnlyList<SourceError> Gone)
{
    /// <summary>Compares two lists.</summary>
    public static SourceErrorChanges Between(IEnumerable<SourceError> before, IEnumerable<SourceError> after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        List<SourceError> gone = [.. before], added = [];
        foreach (SourceError error in after)
        {
            int known = gone.FindIndex(e => e with { Line = error.Line } == error);
            if (known < 0) added.Add(error);
            else gone.RemoveAt(known);
        }
        return new(added, gone);
    }
}
