namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Sessions that one backend has now, over all loops. Thread-safe; outlives snapshots.</summary>
internal sealed class BackendLoad
{
    private int _sessions;

    /// <summary>Sessions now.</summary>
    internal int Sessions => Volatile.Read(ref _sessions);

    /// <summary>One more.</summary>
    internal void Add() => Interlocked.Increment(ref _sessions);

    /// <summary>One less.</summary>
    internal void Release() => Interlocked.Decrement(ref _sessions);
}
