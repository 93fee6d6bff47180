namespace Culvert.NodeAgent.Mesh;

/// <summary>Draws one of several backends, at random or by a key. Thread-safe; allocates nothing.</summary>
internal static class BackendDraw
{
    /// <summary>One at random, in proportion to shares; null when all are left out.</summary>
    /// <param name="backends">All.</param>
    /// <param name="random">Draws.</param>
    /// <param name="share">Their shares.</param>
    internal static Backend? Draw<T>(Backend[] backends, Random random, in T share)
        where T : struct, IBackendShare
    {
        double total = 0;
        foreach (Backend backend in backends) total += share.Of(backend);
        if (total <= 0) return null;
        double drawn = random.NextDouble() * total;
        Backend? last = null; // in the place of one that is left out since its share was counted
        foreach (Backend backend in backends)
        {
            double own = share.Of(backend);
            if (own <= 0) continue;
            last = backend;
            drawn -= own;
            if (drawn < 0) break;
        }

        return last;
    }

    /// <summary>The one that a key leads to, in proportion to shares (weighted rendezvous), on every node the same; null when all are left out.</summary>
    /// <param name="backends">All.</param>
    /// <param name="key">The key.</param>
    /// <param name="isEven">Whether all that are not left out have the same share: then it costs a few multiplications for each, and no logarithm. It is the same one.</param>
    /// <param name="share">Their shares.</param>
    internal static Backend? ByKey<T>(Backend[] backends, ulong key, bool isEven, in T share)
        where T : struct, IBackendShare
    {
        Backend? best = null;
        ulong bestNumber = 0;
        double bestScore = -1;
        foreach (Backend backend in backends)
        {
            double own = share.Of(backend);
            if (own <= 0) continue;
            ulong number = backend.NumberFor(key);
            if (isEven)
            {
                if (best is null || number > bestNumber) (best, bestNumber) = (backend, number);
                continue;
            }

            double score = Backend.Score(number, own);
            if (score > bestScore) (best, bestScore) = (backend, score);
        }

        return best;
    }

    /// <summary>Whether all weigh the same.</summary>
    internal static bool IsEven(Backend[] backends) => Array.TrueForAll(backends, b => b.Weight == backends[0].Weight);
}
