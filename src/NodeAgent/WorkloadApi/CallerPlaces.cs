using Culvert.GrpcHosting;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Bounds the connections and calls of each workload, so that none keeps others out. Those who are no workload's have fewer, of each group, as they only have to be told so; what is beyond <see cref="MostGroups"/> of these
/// shares the places of one. Thread-safe.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class CallerPlaces(TimeProvider time)
{
    /// <summary>Most connections of one workload: each process of a pod has one, most often. 250 pods, more than nodes have, and all who are none are together fewer than <see cref="CallerConnections.Most"/>.</summary>
    internal const int MostConnections = 16;

    /// <summary>Most connections of a group that is no workload's.</summary>
    internal const int MostConnectionsOfNobody = 4;

    /// <summary>Most such groups that have places of their own at a time.</summary>
    internal const int MostGroups = 16;

    /// <summary>Most calls of one at a time: each process has a stream or two, and what is being sent to one that does not read takes memory.</summary>
    internal const int MostCalls = 32;

    /// <summary>Calls that one may begin at once after a pause, and, after these, <see cref="CallsPerSecond"/>: each may cost a signature's verification, or a message as long as a chain.</summary>
    internal const int CallBurst = 512;

    /// <summary>See <see cref="CallBurst"/>.</summary>
    internal const int CallsPerSecond = 100;

    // Apart, as there may be any number of groups: they are not to have workloads share a bucket.
    private readonly SourceRate<string> _rate = new(CallsPerSecond, CallBurst, time), _rateOfNobody = new(CallsPerSecond, CallBurst, time);
    private readonly Lock _lock = new();
    private readonly Dictionary<Owner, Taken> _taken = [];

    /// <summary>Calls of all that are open now.</summary>
    internal int Calls
    {
        get
        {
            lock (_lock) return _taken.Values.Sum(t => t.Calls);
        }
    }

    /// <summary>Takes a place for a connection, which is given back when it is disposed of; null: there is none.</summary>
    /// <param name="caller">Who has connected.</param>
    internal IDisposable? TryConnect(Attestation caller) => TryTake(OwnerOf(caller), 1, 0);

    /// <summary>The same for a call.</summary>
    /// <param name="caller">Who calls.</param>
    /// <param name="refusal">Why there is none.</param>
    internal IDisposable? TryCall(Attestation caller, out string refusal)
    {
        refusal = $"this workload begins more than {CallsPerSecond} calls a second";
        Owner owner = OwnerOf(caller);
        if (!(owner.IsWorkload ? _rate : _rateOfNobody).TryTake(owner.Name)) return null;
        refusal = $"this workload has {MostCalls} open calls, and can have no more";
        return TryTake(owner, 0, 1);
    }

    private static Owner OwnerOf(Attestation caller) => caller.Caller is { } workload ? new(workload.Uid, true) : new(caller.Group, false);

    private Place? TryTake(Owner owner, int connections, int calls)
    {
        lock (_lock)
        {
            if (!owner.IsWorkload && !_taken.ContainsKey(owner) && _taken.Keys.Count(k => !k.IsWorkload) >= MostGroups) owner = new("", false);
            if (!_taken.TryGetValue(owner, out Taken? taken)) taken = new Taken();
            if (taken.Connections + connections > (owner.IsWorkload ? MostConnections : MostConnectionsOfNobody) || taken.Calls + calls > MostCalls) return null;
            (taken.Connections, taken.Calls) = (taken.Connections + connections, taken.Calls + calls);
            _taken[owner] = taken;
            return new Place(this, owner, connections, calls);
        }
    }

    private void Return(Owner owner, int connections, int calls)
    {
        lock (_lock)
        {
            Taken taken = _taken[owner];
            (taken.Connections, taken.Calls) = (taken.Connections - connections, taken.Calls - calls);
            if (taken is { Connections: 0, Calls: 0 }) _taken.Remove(owner);
        }
    }

    private sealed record Owner(string Name, bool IsWorkload);

    private sealed class Taken
    {
        internal int Connections { get; set; }

        internal int Calls { get; set; }
    }

    private sealed class Place(CallerPlaces places, Owner owner, int connections, int calls) : IDisposable
    {
        private int _isReturned;

        public void Dispose()
        {
            if (Interlocked.Exchange(ref _isReturned, 1) == 0) places.Return(owner, connections, calls);
        }
    }
}
