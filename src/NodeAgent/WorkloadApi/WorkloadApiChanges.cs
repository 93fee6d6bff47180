namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>Wakes the open streams of the Workload API when what they say may have changed. Thread-safe; who raises it is not kept waiting.</summary>
internal sealed class WorkloadApiChanges
{
    private TaskCompletionSource _next = NewSignal();

    /// <summary>Completes with the next change; to be asked for before looking at what may change.</summary>
    internal Task Next => Volatile.Read(ref _next).Task;

    /// <summary>Wakes all who wait.</summary>
    internal void Raise() => Interlocked.Exchange(ref _next, NewSignal()).TrySetResult();

    private static TaskCompletionSource NewSignal() => new(TaskCreationOptions.RunContinuationsAsynchronously);
}
