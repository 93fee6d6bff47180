using System.Runtime.ExceptionServices;

namespace Culvert.Hosting;

/// <summary>
/// The parts that a composition has made so far, disposed of in reverse order: by who stops the whole, and at once when a later part cannot be made or started.
/// Compiled into the agent and the controller. Not thread-safe.
/// </summary>
internal sealed class OwnedParts : IAsyncDisposable
{
    private readonly Stack<Func<ValueTask>> _ends = new();
    private bool _committed;

    /// <summary>Makes and starts a whole. When that fails, all that was made until then is disposed of before the failure is passed on.</summary>
    /// <param name="compose">Makes the parts, and the whole that owns them from then on.</param>
    internal static async Task<T> ComposeAsync<T>(Func<OwnedParts, Task<T>> compose)
    {
        OwnedParts parts = new();
        try
        {
            return await compose(parts);
        }
        catch (Exception failure)
        {
            try
            {
                await parts.DisposeAsync();
            }
            catch (Exception second)
            {
                throw new AggregateException(failure, second);
            }
            throw;
        }
    }

    /// <summary>Takes a part.</summary>
    internal T Own<T>(T part)
        where T : IDisposable
    {
        _ends.Push(() =>
        {
            part.Dispose();
            return ValueTask.CompletedTask;
        });
        return part;
    }

    /// <summary>Takes a part that needs to await its end.</summary>
    internal T OwnAsyncDisposable<T>(T part)
        where T : IAsyncDisposable
    {
        _ends.Push(part.DisposeAsync);
        return part;
    }

    /// <summary>Takes what has to be done at this place of the order.</summary>
    internal void Defer(Func<ValueTask> end) => _ends.Push(end);

    /// <summary>Takes back at this place of the order what outlives the process, unless <see cref="Commit"/> was called before.</summary>
    internal void OnRollback(Action undo) => _ends.Push(() =>
    {
        if (!_committed) undo();
        return ValueTask.CompletedTask;
    });

    /// <summary>From now on, what outlives the process stays.</summary>
    internal void Commit() => _committed = true;

    /// <summary>Disposes of all, also when some fail, which is passed on afterwards.</summary>
    public async ValueTask DisposeAsync()
    {
        List<Exception> failures = [];
        while (_ends.TryPop(out Func<ValueTask>? end))
        {
            try
            {
                await end();
            }
            catch (Exception e)
            {
                failures.Add(e);
            }
        }
        if (failures.Count == 1) ExceptionDispatchInfo.Throw(failures[0]);
        if (failures.Count > 1) throw new AggregateException(failures);
    }
}
