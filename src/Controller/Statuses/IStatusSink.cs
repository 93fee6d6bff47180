namespace Culvert.Controller.Statuses;

/// <summary>Takes the status of each object to where its owner sees it: the folder's to <c>culvert status</c>, a cluster's into the object itself.</summary>
internal interface IStatusSink
{
    /// <summary>
    /// What nodes are told for <c>culvert status</c>; null where statuses are shown elsewhere. Any thread may ask.
    /// </summary>
    StatusSummary? Summary { get; }

    /// <summary>
    /// Takes statuses that have changed; one call at a time, before anybody hears of the change itself. Must not wait: what takes time (writing to an API server) is done later, and what
    /// it fails at is its own to repeat.
    /// </summary>
    void Report(IReadOnlyCollection<StatusChange> changes);
}
