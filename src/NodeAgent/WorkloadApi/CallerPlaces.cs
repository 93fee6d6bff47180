using Culvert.Grpc;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Bounds the connections and calls of each workload, so that none keeps others out. All who are no workload's share the places of one: they only have to be told so. Thread-safe.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class CallerPlaces(TimeProvider time)
{
    /// <summary>Most connections of one: each process of a pod has one, most often. With as many pods as a node has these are fewer than <see cref="CallerConnections.Most"/>.</summary>
    internal const int MostConnections = 32;

    /// <summary>Most calls of one at a time: each process has a few streams.</summary>
    internal const int MostCalls = 256;

    /// <summary>Calls that one may begin at once after a pause, and, after these, <see cref="CallsPerSecond"/>: each may cost a signature's verification, or a message as long as a chain.</summary>
    internal const int CallBurst = 512;

    /// <summary>See <see cref="CallBurst"/>.</summary>
    internal const int CallsPerSecond = 100;

    private readonly SourceRate<string> _rate = new(CallsPerSecond, CallBurst, time);
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
    /// <param name="uid">The workload; empty: none.</param>
    /// <param name="refusal">Why there is none.</param>
    internal IDisposable? TryCall(string uid, out string refusal)
    {
        refusal = $"this workload begins more than {CallsPerSecond} calls a second";
        if (!_rate.TryTake(uid)) return null;
        refusal = $"this workload has {MostCalls} open calls, and can have no more";
        return TryTake(uid, 0, 1);
    }

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
