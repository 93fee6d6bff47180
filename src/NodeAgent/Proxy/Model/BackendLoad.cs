namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Connections, or sessions of UDP, that one backend has now, over all loops. Thread-safe; outlives snapshots.</summary>
internal sealed class BackendLoad
{
    private int _count;

    /// <summary>How many now.</summary>
    internal int Count => Volatile.Read(ref _count);

    /// <summary>One more.</summary>
    internal void Add() => Interlocked.Increment(ref _count);

    /// <summary>One less.</summary>
    internal void Release() => Interlocked.Decrement(ref _count);
}
