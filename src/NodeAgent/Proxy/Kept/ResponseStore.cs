using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Kept;

/// <summary>
/// Responses that are kept for later requests, of all ports of this node that have them kept; so many bytes in all, what is being received included. Where there is no room, what was used least recently goes. Thread-safe.
/// </summary>
/// <remarks>
/// All loops share one, behind a lock that is held for the search alone: what a client changes by one loop must not be answered by another as it was before, and the same response must not be kept once for each loop. Requests to ports
/// that have nothing kept never come here.
/// </remarks>
/// <param name="limit">Most bytes.</param>
/// <param name="time">The clock.</param>
internal sealed class ResponseStore(long limit, TimeProvider time)
{
    // Of one key: more would be searched one after the other. An application that varies its answers by more than so many values gets more of the requests.
    private const int MostOfKey = 16;

    // Whether something has changed while a response was on its way is told apart for so many groups of keys: where two share one, a response is not kept that could have been.
    private const int Groups = 1024;

    private readonly Lock _lock = new();
    private readonly Dictionary<byte[], List<KeptResponse>> _kept = new(BytesComparer.Instance);
    private readonly Dictionary<(string Uid, SocketEndPoint Target), KeptOwner> _owners = [];
    private readonly LinkedList<KeptResponse> _used = new(); // the one that was used last stands in front
    private readonly int[] _changes = new int[Groups];
    private int _numbers;
    private long _keptBytes;
    private long _receivedBytes;
    private long _lentBytes;

    /// <summary>Bytes of what is kept or being received.</summary>
    internal long Bytes => Volatile.Read(ref _keptBytes) + Volatile.Read(ref _receivedBytes);

    /// <summary>Responses that are kept.</summary>
    internal int Count
    {
        get
        {
            lock (_lock) return _used.Count;
        }
    }

    /// <summary>The time in milliseconds, by a clock that nobody sets.</summary>
    internal long Now => (long)time.GetElapsedTime(0).TotalMilliseconds;

    /// <summary>The time of day in seconds of Unix time.</summary>
    internal long Today => time.GetUtcNow().ToUnixTimeSeconds();

    /// <summary>The owner of what a port of a workload says.</summary>
    /// <param name="uid">The workload.</param>
    /// <param name="target">Its address and the port.</param>
    internal KeptOwner OwnerOf(string uid, in SocketEndPoint target)
    {
        lock (_lock)
        {
            if (_owners.TryGetValue((uid, target), out KeptOwner? owner)) return owner;
            owner = new KeptOwner(++_numbers, uid, target);
            _owners.Add((uid, target), owner);
            return owner;
        }
    }

    /// <summary>The response that may answer a request, be it fresh or not; null: there is none.</summary>
    /// <param name="key">The request's key.</param>
    /// <param name="keyed">Its fields that count as the key does.</param>
    /// <param name="request">Its head.</param>
    internal KeptResponse? Find(ReadOnlySpan<byte> key, HeaderList keyed, HeaderList request)
    {
        lock (_lock)
        {
            if (!_kept.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out List<KeptResponse>? candidates)) return null;

            // What came last counts (RFC 9111, section 4).
            for (int i = candidates.Count - 1; i >= 0; i--)
            {
                if (!candidates[i].Answers(keyed, request)) continue;
                LinkedListNode<KeptResponse> place = candidates[i].Place!;
                if (_used.First != place)
                {
                    _used.Remove(place);
                    _used.AddFirst(place);
                }

                return place.Value;
            }

            return null;
        }
    }

    /// <summary>How often something has changed that may be about a key: what was asked for before may not be kept after.</summary>
    internal int ChangesOf(ReadOnlySpan<byte> key) => Volatile.Read(ref _changes[GroupOf(key)]);

    /// <summary>Keeps a response in the place of any to the same, unless it is too late for that, or too large.</summary>
    /// <param name="response">The response.</param>
    /// <param name="changes"><see cref="ChangesOf"/> of its key when it was asked for.</param>
    /// <param name="inPlaceOf">The one that its server has said it to be still; it is not kept where that is not there any more. Null: it is new.</param>
    /// <returns>Whether it is kept.</returns>
    internal bool Keep(KeptResponse response, int changes, KeptResponse? inPlaceOf = null)
    {
        long size = response.Size;
        lock (_lock)
        {
            if (inPlaceOf is not null && inPlaceOf.Place?.List is null) return false;
            if (response.Owner.IsGone || _changes[GroupOf(response.Key)] != changes || !TryFree(size)) return false;
            if (!_kept.TryGetValue(response.Key, out List<KeptResponse>? candidates)) _kept.Add(response.Key, candidates = []);
            if (candidates.Exists(c => c.Received > response.Received && c.IsOfSame(response))) return false; // whoever reads slowly brings what others have newer
            for (int i = candidates.Count - 1; i >= 0; i--)
            {
                if (candidates[i].IsOfSame(response)) Forget(candidates, i);
            }

            if (candidates.Count == MostOfKey) Forget(candidates, 0);
            candidates.Add(response);
            response.Place = _used.AddFirst(response);
            _keptBytes += size;
            return true;
        }
    }

    /// <summary>A request is about to be answered with a response, which stays in memory meanwhile, also when it is forgotten. What is lent may be as much as all that is kept.</summary>
    /// <returns>False when too much is.</returns>
    internal bool TryLend(KeptResponse response)
    {
        lock (_lock)
        {
            if (response.Readers == 0 && _lentBytes + response.Size > limit) return false;
            Lend(response);
            return true;
        }
    }

    /// <summary>The same for one in whose place another is given back.</summary>
    internal void Lend(KeptResponse response)
    {
        lock (_lock)
        {
            if (response.Readers++ == 0) _lentBytes += response.Size;
        }
    }

    /// <summary>The request has been answered.</summary>
    internal void Return(KeptResponse response)
    {
        lock (_lock)
        {
            if (--response.Readers == 0) _lentBytes -= response.Size;
        }
    }

    /// <summary>Forgets one response.</summary>
    internal void Forget(KeptResponse response)
    {
        lock (_lock)
        {
            if (response.Place?.List is not null) Drop(response);
        }
    }

    /// <summary>Forgets all with a key, and what is on its way: it has changed.</summary>
    internal void Invalidate(ReadOnlySpan<byte> key)
    {
        lock (_lock)
        {
            _changes[GroupOf(key)]++;
            if (!_kept.GetAlternateLookup<ReadOnlySpan<byte>>().TryGetValue(key, out List<KeptResponse>? candidates)) return;
            while (candidates.Count > 0) Drop(candidates[^1]);
        }
    }

    /// <summary>Takes room for what is being received. It may have half of all at most, so that responses that come slowly do not cost all that is kept.</summary>
    /// <returns>False when there is none.</returns>
    internal bool TryReceive(int bytes)
    {
        lock (_lock)
        {
            if (_receivedBytes + bytes > limit / 2 || !TryFree(bytes)) return false;
            _receivedBytes += bytes;
            return true;
        }
    }

    /// <summary>Gives such room back.</summary>
    internal void EndReceive(int bytes)
    {
        lock (_lock) _receivedBytes -= bytes;
    }

    /// <summary>Forgets what ports have said that are not there any more, or have nothing kept now.</summary>
    /// <param name="isThere">Whether one is, and has.</param>
    internal void Sweep(Func<KeptOwner, bool> isThere)
    {
        lock (_lock)
        {
            foreach (KeptOwner owner in _owners.Values.Where(o => !isThere(o)).ToArray())
            {
                owner.IsGone = true;
                _owners.Remove((owner.Uid, owner.Target));
            }

            for (LinkedListNode<KeptResponse>? place = _used.First, next; place is not null; place = next)
            {
                next = place.Next;
                if (place.Value.Owner.IsGone) Drop(place.Value);
            }
        }
    }

    private static int GroupOf(ReadOnlySpan<byte> key) => (int)((uint)BytesComparer.Instance.GetHashCode(key) % Groups);

    private bool TryFree(long bytes)
    {
        if (_receivedBytes + bytes > limit) return false;
        while (_keptBytes + _receivedBytes + bytes > limit && _used.Last is { } last) Drop(last.Value);
        return _keptBytes + _receivedBytes + bytes <= limit;
    }

    private void Drop(KeptResponse response)
    {
        List<KeptResponse> candidates = _kept[response.Key];
        Forget(candidates, candidates.IndexOf(response));
        if (candidates.Count == 0) _kept.Remove(response.Key);
    }

    private void Forget(List<KeptResponse> candidates, int index)
    {
        KeptResponse response = candidates[index];
        candidates.RemoveAt(index);
        _used.Remove(response.Place!);
        _keptBytes -= response.Size;
    }
}
