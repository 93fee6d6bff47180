using System.Collections.Concurrent;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>
/// The last proof of each peer, over all loops, because a peer's next tunnel may be another loop's. Those that have expired go when a table has doubled,
/// and the older half of those that remain when one peer has shown itself at very many addresses. Each other trust domain has a table of its own: it makes as many identities as it likes, and must not have
/// proofs of the mesh's own peers, or of third ones, forgotten. Thread-safe.
/// </summary>
/// <param name="most">Most proofs of the mesh's own peers.</param>
/// <param name="mostOfOthers">Most proofs of the peers of each other trust domain.</param>
internal sealed class PeerProofs(int most = PeerProofs.Most, int mostOfOthers = PeerProofs.MostOfOthers)
{
    private const int FirstSweep = 1024;

    // Some 600 bytes each; many times the tunnels that there can be at once.
    private const int Most = 65_536;

    // There are 64 other trust domains at most.
    private const int MostOfOthers = 2048;

    private readonly Table _own = new(most);
    private readonly ConcurrentDictionary<string, Table> _others = new(StringComparer.Ordinal);

    /// <summary>Takes a proof in place of the one before.</summary>
    internal void Note(in PeerKey key, PeerProof proof)
    {
        string trustDomain = key.PeerIdentity.TrustDomain;
        if (trustDomain == key.Own.TrustDomain)
        {
            _own.Note(key, proof);
            return;
        }

        if (!_others.TryGetValue(trustDomain, out Table? table))
        {
            // Of domains that are not federated any more nothing stays for ever.
            foreach ((string other, Table kept) in _others)
            {
                if (kept.HasEnded(proof.MadeAt)) _others.TryRemove(other, out _);
            }

            table = _others.GetOrAdd(trustDomain, _ => new(mostOfOthers));
        }

        table.Note(key, proof);
    }

    /// <summary>The last proof; null when it was forgotten.</summary>
    internal PeerProof? Find(in PeerKey key) => key.PeerIdentity.TrustDomain == key.Own.TrustDomain ? _own.Find(key) : _others.GetValueOrDefault(key.PeerIdentity.TrustDomain)?.Find(key);

    /// <summary>The proofs of one trust domain's peers.</summary>
    private sealed class Table(int most)
    {
        private readonly ConcurrentDictionary<PeerKey, PeerProof> _proofs = [];
        private int _sweepAt = Math.Min(FirstSweep, most);

        internal PeerProof? Find(in PeerKey key) => _proofs.GetValueOrDefault(key);

        /// <summary>Whether all have expired.</summary>
        internal bool HasEnded(DateTimeOffset now) => _proofs.Values.All(p => p.NotAfter <= now);

        internal void Note(in PeerKey key, PeerProof proof)
        {
            _proofs[key] = proof;
            if (_proofs.Count <= Volatile.Read(ref _sweepAt)) return;
            foreach ((PeerKey old, PeerProof kept) in _proofs)
            {
                if (kept.NotAfter <= proof.MadeAt) _proofs.TryRemove(old, out _);
            }

            if (_proofs.Count >= most)
            {
                foreach ((PeerKey old, _) in _proofs.OrderBy(p => p.Value.MadeAt).Take(most / 2).ToArray()) _proofs.TryRemove(old, out _);
            }

            Volatile.Write(ref _sweepAt, Math.Min(Math.Max(_proofs.Count * 2, FirstSweep), most));
        }
    }
}
