using Culvert.Controller.Statuses;

namespace Culvert.Controller.Sources.Folder;

/// <summary>Counts the states of a folder's declarations: nothing is written into people's files. Which is in which state, and why, the errors say.</summary>
internal sealed class FolderStatus : IStatusSink
{
    private readonly Dictionary<DeclarationKey, ObjectState> _states = [];
    private readonly int[] _counts = new int[Enum.GetValues<ObjectState>().Length];
    private readonly Lock _lock = new();

    public StatusSummary? Summary
    {
        get
        {
            lock (_lock) return new(_counts[(int)ObjectState.Rejected], _counts[(int)ObjectState.LastGoodKept], _counts[(int)ObjectState.InPart]);
        }
    }

    public void Report(IReadOnlyCollection<StatusChange> changes)
    {
        lock (_lock)
        {
            foreach (StatusChange change in changes)
            {
                if (_states.Remove(change.Key, out ObjectState before)) _counts[(int)before]--;
                if (change.Status is not { } status) continue;
                _states.Add(change.Key, status.State);
                _counts[(int)status.State]++;
            }
        }
    }
}
