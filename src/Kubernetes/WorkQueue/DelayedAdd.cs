namespace Culvert.Kubernetes.WorkQueue;

/// <summary>An item that is added later.</summary>
/// <param name="due">When, as a timestamp of the clock.</param>
internal sealed class DelayedAdd(long due) : IDisposable
{
    public long Due { get; } = due;

    public ITimer? Timer { get; set; }

    public void Dispose() => Timer?.Dispose();
}
