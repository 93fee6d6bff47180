namespace Culvert.Bench.Running;

/// <summary>Undoes everything the run made, last made first; one failing step does not keep the others from running.</summary>
internal sealed class CleanupStack : IAsyncDisposable
{
    private readonly Stack<(string What, Func<Task> Undo)> _steps = new();

    public void Push(string what, Func<Task> undo) => _steps.Push((what, undo));

    public void Push(string what, IAsyncDisposable owned) => _steps.Push((what, () => owned.DisposeAsync().AsTask()));

    /// <inheritdoc/>
    public async ValueTask DisposeAsync()
    {
        while (_steps.TryPop(out (string What, Func<Task> Undo) step))
        {
            try
            {
                await step.Undo();
            }
            catch (Exception e) when (e is CommandFailedException or IOException or InvalidOperationException)
            {
                Console.Error.WriteLine($"Could not undo \"{step.What}\": {e.Message}");
            }
        }
    }
}
