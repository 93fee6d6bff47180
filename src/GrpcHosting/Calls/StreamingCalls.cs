namespace Culvert.GrpcHosting;

/// <summary>
/// The streaming calls of a server. They end as soon as the application stops (<c>ApplicationStopping</c>), and whoever stops the
/// server waits for them first: one that closes its connections at the same
/// time may do so before the client has read why. Thread-safe.
/// </summary>
public sealed class StreamingCalls
{
    private readonly Lock gate = new();
    private int running;
    private TaskCompletionSource? ended;

    /// <summary>Completes when none is running.</summary>
    public Task EndedAsync()
    {
        lock (gate)
        {
            return running == 0 ? Task.CompletedTask : (ended ??= new(TaskCreationOptions.RunContinuationsAsynchronously)).Task;
        }
    }

    internal void Begin()
    {
        lock (gate)
        {
            running++;
        }
    }

    internal void End()
    {
        lock (gate)
        {
            if (--running > 0)
            {
                return;
            }

            ended?.SetResult();
            ended = null;
        }
    }
}
