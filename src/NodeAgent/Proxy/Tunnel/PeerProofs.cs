using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// The last proof of each peer, over all loops, because a peer's next tunnel may be another loop's. Holds as many as there are peers with a valid
/// certificate: those whose proof has expired go when the table has doubled. Thread-safe.
/// </summary>
internal sealed class PeerProofs
{
    private const int FirstSweep = 1024;
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

        Volatile.Write(ref _sweepAt, Math.Max(FirstSweep, _proofs.Count * 2));
    }

    /// <summary>The last proof; null when it was forgotten.</summary>
    internal PeerProof? Find(in PeerKey key) => _proofs.GetValueOrDefault(key);
}
