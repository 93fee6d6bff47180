using System.Diagnostics;
using Culvert.Bench.Measuring;

namespace Culvert.Bench.Identity;

/// <summary>Has several sign the same requests in turn: a round has each of them sign for the same time, within seconds, and the order goes on by one with each round, so that what else the machine does meets all alike.</summary>
/// <param name="rounds">How many rounds.</param>
/// <param name="duration">How long each signs in one.</param>
/// <param name="warmUp">How long each signs before.</param>
internal sealed class SigningRounds(int rounds, TimeSpan duration, TimeSpan warmUp)
{
    private const double Million = 1e6;

    /// <summary>Measures them.</summary>
    /// <param name="signers">Who signs.</param>
    /// <param name="requests">What they sign, all the same.</param>
    /// <param name="cancellationToken">Ends it.</param>
    /// <returns>For each signer its rounds: certificates per second, and millions of them as work.</returns>
    /// <exception cref="BenchInvalidException">A certificate was not signed, or is not what was asked for.</exception>
    public async Task<IReadOnlyList<IReadOnlyList<Reading>>> RunAsync(IReadOnlyList<ISigner> signers, IReadOnlyList<PreparedRequest> requests, CancellationToken cancellationToken)
    {
        foreach (ISigner signer in signers)
        {
            for (int i = 0; i < requests.Count; i += signer.Workers) requests[i].Check(await signer.SignAsync(0, i, cancellationToken), signer.GetType().Name);
            await MeasureAsync(signer, requests.Count, warmUp, cancellationToken);
        }
        List<Reading>[] readings = [.. signers.Select(_ => new List<Reading>())];
        for (int round = 0; round < rounds; round++)
        {
            for (int turn = 0; turn < signers.Count; turn++)
            {
                int now = (round + turn) % signers.Count;
                readings[now].Add(await MeasureAsync(signers[now], requests.Count, duration, cancellationToken));
            }
        }
        return readings;
    }

    private static async Task<Reading> MeasureAsync(ISigner signer, int requests, TimeSpan duration, CancellationToken cancellationToken)
    {
        double busy = CpuClock.BusySeconds();
        long start = Stopwatch.GetTimestamp();
        int[] signed = await Task.WhenAll(Enumerable.Range(0, signer.Workers).Select(w => Task.Run(() => SignAsync(signer, w, requests, start, duration, cancellationToken), cancellationToken)));
        double seconds = Stopwatch.GetElapsedTime(start).TotalSeconds;
        return new([signed.Sum() / seconds], signed.Sum() / Million, CpuClock.BusySeconds() - busy);
    }

    private static async Task<int> SignAsync(ISigner signer, int worker, int requests, long start, TimeSpan duration, CancellationToken cancellationToken)
    {
        int signed = 0;
        while (Stopwatch.GetElapsedTime(start) < duration)
        {
            cancellationToken.ThrowIfCancellationRequested();
            await signer.SignAsync(worker, (worker + (signed * signer.Workers)) % requests, cancellationToken);
            signed++;
        }
        return signed;
    }
}
