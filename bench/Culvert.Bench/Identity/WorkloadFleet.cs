using System.Diagnostics;
using System.Net;
using System.Security.Cryptography.X509Certificates;
using Culvert.Bench.Measuring;
using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.Protocol;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Bench.Identity;

/// <summary>
/// Nodes that want certificates for their workloads. Each has the store of agents, which makes keys and requests, asks for all at once, and after a failure asks again when agents do, and as the controller says; and a connection of its own.
/// </summary>
internal sealed class WorkloadFleet : IAsyncDisposable
{
    private static readonly TimeSpan Deadline = TimeSpan.FromMinutes(4);

    private readonly NodeIssuer[] _issuers;
    private readonly SvidStore[] _stores;
    private readonly int[] _batches;
    private volatile TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string _lastFailure = "";
    private int _wanted;
    private int _received;
    private int _failures;

    /// <param name="controller">Where the controller is.</param>
    /// <param name="roots">What its certificate leads to.</param>
    /// <param name="identities">The certificate of each node.</param>
    public WorkloadFleet(IPEndPoint controller, X509Certificate2Collection roots, IReadOnlyList<SslClientIdentity> identities)
    {
        _issuers = [.. identities.Select((identity, node) => new NodeIssuer(node, controller, roots, identity, Failed))];
        _stores = [.. _issuers.Select(i => new SvidStore(i, null, TimeProvider.System, NullLogger.Instance))];
        _batches = new int[_stores.Length];
        foreach (SvidStore store in _stores) store.Changed += Received;
    }

    /// <summary>How many calls have failed; they were made again.</summary>
    public int Failures => Volatile.Read(ref _failures);

    /// <summary>Has the workloads of one batch more come on all nodes at once, and returns how long it took until the last had its certificate, in seconds.</summary>
    /// <exception cref="BenchInvalidException">Not in time.</exception>
    public Task<double> BatchAsync(CancellationToken cancellationToken) => BatchAsync([.. Enumerable.Range(0, _stores.Length)], cancellationToken);

    /// <summary>The same on one node after the other, so that few ask at once.</summary>
    /// <exception cref="BenchInvalidException">Not in time.</exception>
    public async Task BatchInTurnAsync(CancellationToken cancellationToken)
    {
        for (int node = 0; node < _stores.Length; node++) await BatchAsync([node], cancellationToken);
    }

    public async ValueTask DisposeAsync()
    {
        foreach (SvidStore store in _stores) await store.DisposeAsync();
        foreach (NodeIssuer issuer in _issuers) issuer.Dispose();
    }

    private async Task<double> BatchAsync(int[] nodes, CancellationToken cancellationToken)
    {
        _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
        Volatile.Write(ref _wanted, _wanted + (nodes.Length * IdentityShape.BatchOfNode));
        Dictionary<SpiffeId, string>[] wanted = [.. nodes.Select(n => Workloads(n, ++_batches[n] * IdentityShape.BatchOfNode))];
        long start = Stopwatch.GetTimestamp();
        for (int i = 0; i < nodes.Length; i++) _stores[nodes[i]].Want(wanted[i]);
        try
        {
            await _all.Task.WaitAsync(Deadline, cancellationToken);
        }
        catch (TimeoutException)
        {
            throw new BenchInvalidException($"After {Deadline.TotalSeconds} s {Volatile.Read(ref _received)} of {_wanted} certificates were there. Calls that failed: {Failures}; the last: {_lastFailure}");
        }
        return Stopwatch.GetElapsedTime(start).TotalSeconds;
    }

    private static Dictionary<SpiffeId, string> Workloads(int node, int count) => Enumerable.Range(0, count).ToDictionary(n => IdentityShape.Identity(node, n), n => IdentityShape.Uid(node, n));

    // None lives so short that it is renewed meanwhile: each is a workload's first.
    private void Received(Svid svid)
    {
        if (Interlocked.Increment(ref _received) == Volatile.Read(ref _wanted)) _all.TrySetResult();
    }

    private void Failed(string reason)
    {
        _lastFailure = reason;
        Interlocked.Increment(ref _failures);
    }
}
