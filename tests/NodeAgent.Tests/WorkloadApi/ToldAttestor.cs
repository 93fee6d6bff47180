using System.Collections.Concurrent;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.WorkloadApi;

namespace Culvert.NodeAgent.Tests.WorkloadApi;

/// <summary>Takes whoever connects for the workload that a test says.</summary>
internal sealed class ToldAttestor : IWorkloadAttestor
{
    private readonly ConcurrentDictionary<AttestedCaller, WorkloadInfo> _pods = [];
    private readonly ConcurrentDictionary<PeerProcess, AttestedCaller?> _connected = [];
    private AttestedCaller? _next;
    private int _looks;
    private int _finds;

    /// <summary>How many connections were looked at.</summary>
    internal int Looks => Volatile.Read(ref _looks);

    /// <summary>How often it was looked whether a caller's pod is still there: at each message, and each time that there may be one.</summary>
    internal int Finds => Volatile.Read(ref _finds);

    /// <summary>The processes whose group was asked for, in order.</summary>
    internal ConcurrentQueue<PeerProcess> Grouped { get; } = [];

    /// <summary>Those that were looked at, and whether they were still there.</summary>
    internal ConcurrentQueue<(PeerProcess Peer, bool IsThere)> Looked { get; } = [];

    /// <summary>What connections have in common that are made from now on.</summary>
    internal string Group { get; set; } = "pod";

    /// <summary>Why somebody is nobody.</summary>
    internal string Reason { get; set; } = "a process of no pod";

    /// <summary>What a look waits for.</summary>
    internal Task Until { get; set; } = Task.CompletedTask;

    /// <summary>Why it can't be found out who connects; null: it can.</summary>
    internal IOException? Failure { get; set; }

    /// <summary>A pod of this node.</summary>
    internal AttestedCaller Add(WorkloadInfo workload, string podUid)
    {
        AttestedCaller caller = new(workload.Uid, podUid, _pods.Count + 1, 0);
        _pods[caller] = workload;
        return caller;
    }

    internal void Remove(AttestedCaller caller) => _pods.TryRemove(caller, out _);

    /// <summary>Who connects from now on.</summary>
    internal void Is(AttestedCaller? caller) => Volatile.Write(ref _next, caller);

    public AttestedCaller? Attest(PeerProcess peer, out string reason)
    {
        Looked.Enqueue((peer, peer.IsThere()));
        Interlocked.Increment(ref _looks);
        Until.Wait(TestContext.Current.CancellationToken);
        if (Failure is { } failure) throw failure;
        AttestedCaller? caller = _connected[peer];
        reason = caller is null ? Reason : "";
        return caller;
    }

    public string GroupOf(PeerProcess peer)
    {
        _connected[peer] = Volatile.Read(ref _next);
        Grouped.Enqueue(peer);
        return Group;
    }

    public WorkloadInfo? Find(AttestedCaller caller)
    {
        Interlocked.Increment(ref _finds);
        return _pods.GetValueOrDefault(caller);
    }
}
