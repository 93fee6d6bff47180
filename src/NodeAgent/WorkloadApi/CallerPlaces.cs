namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Bounds the connections and open calls of each workload, so that none keeps others out. All who are no workload's share the places of one: they only have to be told so. Thread-safe.
/// </summary>
internal sealed class CallerPlaces
{
    /// <summary>Most connections of one: each process of a pod has one, most often.</summary>
    internal const int MostConnections = 64;

    /// <summary>Most calls of one at a time: each process has a few streams.</summary>
    internal const int MostCalls = 256;

    private readonly Lock _lock = new();
    private readonly Dictionary<string, Taken> _taken = new(StringComparer.Ordinal);

    /// <summary>Calls of all that are open now.</summary>
    internal int Calls
    {
        get
        {
            lock (_lock) return _taken.Values.Sum(t => t.Calls);
        }
    }

    /// <summary>Takes a place for a connection, which is given back when it is disposed of; null: there is none.</summary>
    /// <param name="uid">The workload; empty: none.</param>
    internal IDisposable? TryConnect(string uid) => TryTake(uid, 1, 0);

    /// <summary>The same for a call.</summary>
    internal IDisposable? TryCall(string uid) => TryTake(uid, 0, 1);

    private Place? TryTake(string uid, int connections, int calls)
    {
        lock (_lock)
        {
            if (!_taken.TryGetValue(uid, out Taken? taken)) _taken.Add(uid, taken = new Taken());
            if (taken.Connections + connections > MostConnections || taken.Calls + calls > MostCalls) return null;
            (taken.Connections, taken.Calls) = (taken.Connections + connections, taken.Calls + calls);
            return new Place(this, uid, connections, calls);
        }
    }

    private void Return(string uid, int connections, int calls)
    {
        lock (_lock)
        {
            Taken taken = _taken[uid];
            (taken.Connections, taken.Calls) = (taken.Connections - connections, taken.Calls - calls);
            if (taken is { Connections: 0, Calls: 0 }) _taken.Remove(uid);
        }
    }

    private sealed class Taken
    {
        internal int Connections { get; set; }

        internal int Calls { get; set; }
    }

    private sealed class Place(CallerPlaces places, string uid, int connections, int calls) : IDisposable
    {
        private int _isReturned;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isReturned, 1) == 0) places.Return(uid, connections, calls);
        }
    }
}
