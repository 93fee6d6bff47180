using System.Collections.Immutable;
using Culvert.GrpcHosting;
using Culvert.NodeAgent.Datapath;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Which network namespaces were looked at, and were a pod's or nobody's, by their inode numbers. For bounds only: a number is used again, so whose one is now is looked at each time. A pod can make any number of namespaces, and each
/// that is no pod's costs a question for each link of the node: no more than <see cref="PerSecond"/> are looked at, of each pod that the kubelet says and of all others together, and one of them once in <see cref="NobodysFor"/>. Thread-safe.
/// </summary>
/// <param name="time">The clock.</param>
internal sealed class SeenNamespaces(TimeProvider time)
{
    /// <summary>Namespaces that were no pod's when they were looked at, or were never, which are looked at at once after a pause, and, after these, <see cref="PerSecond"/>.</summary>
    internal const int Burst = 256;

    /// <summary>See <see cref="Burst"/>.</summary>
    internal const int PerSecond = 50;

    // Of each kind; with more all are forgotten.
    private const int Most = 4096;

    /// <summary>How long one that was no pod's is not looked at again, unless other workloads are captured meanwhile.</summary>
    internal static readonly TimeSpan NobodysFor = TimeSpan.FromSeconds(1);

    private readonly Lock _lock = new();
    private readonly SourceRate<string> _rate = new(PerSecond, Burst, time);
    private readonly HashSet<ulong> _pods = [];
    private readonly Dictionary<ulong, long> _nobodys = [];
    private ImmutableArray<LocalEndpoint> _among;

    /// <summary>Whether one was a pod's when it was looked at last.</summary>
    internal bool WasAPods(ulong inode)
    {
        lock (_lock) return _pods.Contains(inode);
    }

    /// <summary>Whether one is to be looked at; false: it was nobody's a moment ago.</summary>
    /// <param name="inode">Its number.</param>
    /// <param name="pod">The pod that the kubelet says the caller is of; empty: it says none.</param>
    /// <param name="among">The workloads that are captured now.</param>
    /// <exception cref="IOException">Too many are looked at already.</exception>
    internal bool MayLook(ulong inode, string pod, ImmutableArray<LocalEndpoint> among)
    {
        lock (_lock)
        {
            // The same list, and not one that says the same.
            if (among != _among) _nobodys.Clear();
            _among = among;
            if (_pods.Contains(inode)) return true;
            if (_nobodys.TryGetValue(inode, out long since) && time.GetElapsedTime(since) < NobodysFor) return false;
            return _rate.TryTake(pod) ? true : throw new IOException($"processes in more than {PerSecond} network namespaces a second connect that are no pod's, or have not been looked at before");
        }
    }

    /// <summary>Notes that one that was looked at was a pod's.</summary>
    internal void NotePods(ulong inode)
    {
        lock (_lock)
        {
            if (_pods.Count >= Most) _pods.Clear();
            _pods.Add(inode);
            _nobodys.Remove(inode);
        }
    }

    /// <summary>Notes that one that was looked at was nobody's.</summary>
    internal void NoteNobodys(ulong inode)
    {
        lock (_lock)
        {
            if (_nobodys.Count >= Most) _nobodys.Clear();
            _nobodys[inode] = time.GetTimestamp();
            _pods.Remove(inode);
        }
    }
}
