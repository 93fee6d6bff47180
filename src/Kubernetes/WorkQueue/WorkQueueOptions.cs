namespace Culvert.Kubernetes.WorkQueue;

/// <summary>How patient a work queue is with items whose work fails.</summary>
public sealed record WorkQueueOptions
{
    /// <summary>Wait after an item's first failure; twice as long after each further one.</summary>
    public TimeSpan FirstDelay { get; init; } = TimeSpan.FromMilliseconds(10);

    /// <summary>Longest wait.</summary>
    public TimeSpan LongestDelay { get; init; } = TimeSpan.FromMinutes(5);
}
