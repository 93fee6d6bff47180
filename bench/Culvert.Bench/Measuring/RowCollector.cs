using Culvert.Labs;

namespace Culvert.Bench.Measuring;

/// <summary>
/// Collects the rows of a run. A row that fails is kept with its error, and the rows after it are still measured.
/// The caller learns of each new row at once, so that an interrupted run loses no finished row.
/// </summary>
/// <param name="changed">Gets all rows so far, each time that some were added.</param>
/// <remarks>For one caller at a time.</remarks>
internal sealed class RowCollector(Func<IReadOnlyList<Result>, Task> changed)
{
    private readonly List<Result> _rows = [];

    /// <summary>All rows so far, in the order of their measurement.</summary>
    public IReadOnlyList<Result> Rows => _rows;

    /// <summary>Whether any row failed.</summary>
    public bool AnyFailed => _rows.Any(r => r.Error is not null);

    /// <summary>Measures some rows and adds them, or adds each of them with the error that prevented it.</summary>
    /// <param name="metrics">The rows that <paramref name="measure"/> returns; read after it.</param>
    /// <param name="measure">Measures them.</param>
    /// <param name="cancellationToken">Ends the run: nothing is added then.</param>
    /// <exception cref="OperationCanceledException">The run was cancelled.</exception>
    public async Task AddAsync(IReadOnlyCollection<Metric> metrics, Func<Task<IReadOnlyList<Result>>> measure, CancellationToken cancellationToken)
    {
        IReadOnlyList<Result> added;
        try
        {
            added = await measure();
            if (added.FirstOrDefault(r => !r.IsFinite) is { } odd) throw new BenchInvalidException($"{odd.Name} has a value that is not a finite number.");
        }
        catch (Exception e) when (!cancellationToken.IsCancellationRequested)
        {
            await Console.Error.WriteLineAsync($"{string.Join(", ", metrics.Select(m => m.Name))} failed: {Text(e)}");
            added = [.. metrics.Select(m => Result.Failed(m, Text(e)))];
        }
        _rows.AddRange(added);
        await changed(_rows);
    }

    // The errors that the bench itself raises explain themselves. Any other needs its type and place.
    private static string Text(Exception e) => e is BenchInvalidException or ToolFailedException or TimeoutException ? e.Message : e.ToString();
}
