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
        Dictionary<SourceError, int> left = [];
        List<SourceError> gone = [], added = [];
        foreach (SourceError error in after)
        {
            SourceError anywhere = error with { Line = 0 };
            left[anywhere] = left.GetValueOrDefault(anywhere) + 1;
        }

        // Of several that differ in their lines alone, the first stay.
        Dictionary<SourceError, int> stayed = [];
        foreach (SourceError error in before)
        {
            SourceError anywhere = error with { Line = 0 };
            if (!left.TryGetValue(anywhere, out int count) || count == 0)
            {
                gone.Add(error);
                continue;
            }
            left[anywhere] = count - 1;
            stayed[anywhere] = stayed.GetValueOrDefault(anywhere) + 1;
        }
        foreach (SourceError error in after)
        {
            SourceError anywhere = error with { Line = 0 };
            if (!stayed.TryGetValue(anywhere, out int count) || count == 0) added.Add(error);
            else stayed[anywhere] = count - 1;
        }
        return new(added, gone);
    }
}
