using Culvert.Controller.Objects;
using Culvert.Controller.Statuses;

namespace Culvert.Controller.Tests;

/// <summary>Statuses as they would be written into API objects: for each path the version it is about, the state and the reason.</summary>
internal sealed class ApiStatuses : IStatusSink
{
    public SortedDictionary<string, string> Written { get; } = new(StringComparer.Ordinal);

    /// <summary>How many writes there were.</summary>
    public int Writes { get; private set; }

    public StatusSummary? Summary => null;

    public void Report(IReadOnlyCollection<StatusChange> changes)
    {
        foreach (StatusChange change in changes)
        {
            if (change.Status is not { Origin: ApiOrigin origin } status)
            {
                Written.Remove(change.Key.Place);
                continue;
            }
            Writes++;
            Written[origin.Resource] = $"{origin.ResourceVersion} {status.State} {string.Join("; ", status.Errors.Select(e => e.Reason))}".TrimEnd();
        }
    }
}
