namespace Culvert.Bench.Measuring;

/// <summary>Work that changes the mesh, and the step that undoes the change.</summary>
internal static class Restoring
{
    /// <summary>Does the work, then undoes its change, also when the work failed.</summary>
    /// <param name="work">The work.</param>
    /// <param name="restore">Undoes the change; null when there is none.</param>
    /// <param name="cancellationToken">Ends the run: nothing is undone then, since the labs go.</param>
    /// <exception cref="AggregateException">Both failed; it has the work's exception first.</exception>
    public static async Task<T> RunAsync<T>(Func<Task<T>> work, Func<CancellationToken, Task>? restore, CancellationToken cancellationToken)
    {
        T result;
        try
        {
            result = await work();
        }
        catch (Exception failure) when (restore is not null && !cancellationToken.IsCancellationRequested)
        {
            try
            {
                await restore(cancellationToken);
            }
            catch (Exception second) when (!cancellationToken.IsCancellationRequested)
            {
                throw new AggregateException(failure, second);
            }
            throw;
        }
        if (restore is not null) await restore(cancellationToken);
        return result;
    }
}
