using Culvert.Controller.Statuses;

namespace Culvert.Controller.Tests;

/// <summary>Statuses that another keeps, and that can't be taken for a while.</summary>
internal sealed class FailingStatuses(IStatusSink inner) : IStatusSink
{
    /// <summary>Whether they can't be taken now.</summary>
    public bool Fails { get; set; }

    public StatusSummary? Summary => inner.Summary;

    public void Report(IReadOnlyCollection<StatusChange> changes)
    {
        if (Fails) throw new InvalidOperationException("a bug");
        inner.Report(changes);
    }
}
