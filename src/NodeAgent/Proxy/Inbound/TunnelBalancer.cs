namespace Culvert.NodeAgent.Proxy.Inbound;

/// <summary>
/// Spreads accepted tunnels over the loops: they are few, long-lived and heavy, so the kernel's hash alone would often put two on
/// one loop and none on another. Thread-safe.
/// </summary>
/// <param name="loops">How many loops there are.</param>
internal sealed class TunnelBalancer(int loops)
{
    private readonly Lock _lock = new();
    private readonly int[] _tunnels = new int[loops];

    /// <summary>Takes a place on the loop with the fewest tunnels; on a tie the caller's own.</summary>
    /// <param name="own">The loop that accepted.</param>
    internal int Take(int own)
    {
        lock (_lock)
        {
            int best = own;
            for (int i = 0; i < _tunnels.Length; i++)
            {
                if (_tunnels[i] < _tunnels[best]) best = i;
            }

            _tunnels[best]++;
            return best;
        }
    }

    /// <summary>Gives a place back.</summary>
    internal void Release(int loop)
    {
        lock (_lock) _tunnels[loop]--;
    }
}
