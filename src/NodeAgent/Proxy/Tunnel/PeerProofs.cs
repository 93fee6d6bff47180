using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// The last proof of each peer, over all loops, because a peer's next tunnel may be another loop's. Those that have expired go when the table has doubled,
/// and the older half of those that remain when one peer has shown itself at very many addresses. Thread-safe.
/// </summary>
internal sealed class PeerProofs
{
    private const int FirstSweep = 1024;

    // Some 600 bytes each; many times the tunnels that there can be at once.
    private const int Most = 65_536;
    private readonly ConcurrentDictionary<PeerKey, PeerProof> _proofs = [];
    private int _sweepAt = FirstSweep;

    /// <summary>Takes a proof in place of the one before.</summary>
    internal void Note(in PeerKey key, PeerProof proof)
    {
        _proofs[key] = proof;
        if (_proofs.Count <= Volatile.Read(ref _sweepAt)) return;
        foreach ((PeerKey old, PeerProof kept) in _proofs)
        {
            if (kept.NotAfter <= proof.MadeAt) _proofs.TryRemove(old, out _);
        }

        if (_proofs.Count >= Most)
        {
            foreach ((PeerKey old, _) in _proofs.OrderBy(p => p.Value.MadeAt).Take(Most / 2).ToArray()) _proofs.TryRemove(old, out _);
        }

        Volatile.Write(ref _sweepAt, Math.Clamp(_proofs.Count * 2, FirstSweep, Most));
    }

    /// <summary>The last proof; null when it was forgotten.</summary>
    internal PeerProof? Find(in PeerKey key) => _proofs.GetValueOrDefault(key);
}
