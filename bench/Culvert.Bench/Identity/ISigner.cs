namespace Culvert.Bench.Identity;

/// <summary>Who makes certificates of requests.</summary>
internal interface ISigner
{
    /// <summary>How many it makes at once.</summary>
    int Workers { get; }

    /// <summary>Makes one.</summary>
    /// <param name="worker">Who makes it: 0 to <see cref="Workers"/> - 1, each one at a time.</param>
    /// <param name="request">Which of the requests.</param>
    /// <param name="cancellationToken">Ends the wait.</param>
    /// <returns>The leaf in DER.</returns>
    /// <exception cref="Measuring.BenchInvalidException">It does not.</exception>
    ValueTask<ReadOnlyMemory<byte>> SignAsync(int worker, int request, CancellationToken cancellationToken);
}
