using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Tests.Hosting;

/// <summary>Runs a test on the calling thread, also what comes after each await: it stays in the network namespace that the thread has entered.</summary>
internal sealed class OneThread : SynchronizationContext, IDisposable
{
    private readonly BlockingCollection<(SendOrPostCallback Work, object? State)> _posted = [];

    public override void Post(SendOrPostCallback d, object? state) => _posted.Add((d, state));

    public void Dispose() => _posted.Dispose();

    /// <summary>Runs it to its end.</summary>
    internal static void Run(Func<Task> test)
    {
        using OneThread thread = new();
        SetSynchronizationContext(thread);
        try
        {
            Task running = test();
            _ = running.ContinueWith(_ => thread._posted.CompleteAdding(), TaskScheduler.Default);
            foreach ((SendOrPostCallback work, object? state) in thread._posted.GetConsumingEnumerable()) work(state);
            running.GetAwaiter().GetResult();
        }
        finally
        {
            SetSynchronizationContext(null);
        }
    }
}
