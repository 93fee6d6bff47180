namespace Culvert.Controller.Schema;

/// <summary>What has changed between two lists of errors or warnings. One that only moved to another line is the same one.</summary>
/// <param name="New">Those that were not there, in the order of the list.</param>
/// <param name="Gone">Those that are there no more, as they were.</param>
/// <param name="Mended">Those of them in whose place there is no other error, nor anything that can't be read.</param>
public sealed record SourceErrorChanges(IReadOnlyList<SourceError> New, IReadOnlyList<SourceError> Gone, IReadOnlyList<SourceError> Mended)
{
    /// <summary>Compares two lists.</summary>
    public static SourceErrorChanges Between(IEnumerable<SourceError> before, IEnumerable<SourceError> after)
    {
        ArgumentNullException.ThrowIfNull(before);
        ArgumentNullException.ThrowIfNull(after);
        Dictionary<SourceError, int> left = [];
        List<SourceError> gone = [], added = [];
        SourceError[] now = [.. after];
        foreach (SourceError error in now)
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
        foreach (SourceError error in now)
        {
            SourceError anywhere = error with { Line = 0 };
            if (!stayed.TryGetValue(anywhere, out int count) || count == 0) added.Add(error);
            else stayed[anywhere] = count - 1;
        }

        HashSet<(string, string)> replaced = [.. added.Select(e => (e.Place, e.Object))];
        return new(added, gone, [.. SourceError.Mended(gone, now).Where(e => !replaced.Contains((e.Place, e.Object)))]);
    }
}
