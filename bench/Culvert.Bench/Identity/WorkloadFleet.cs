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
    private readonly int _wanted;
    private readonly TaskCompletionSource _all = new(TaskCreationOptions.RunContinuationsAsynchronously);
    private volatile string _lastFailure = "";
    private int _received;
    private int _failures;

    /// <param name="controller">Where the controller is.</param>
    /// <param name="roots">What its certificate leads to.</param>
    /// <param name="identities">The certificate of each node.</param>
    public WorkloadFleet(IPEndPoint controller, X509Certificate2Collection roots, IReadOnlyList<SslClientIdentity> identities)
    {
        _issuers = [.. identities.Select((identity, node) => new NodeIssuer(node, controller, roots, identity, Failed))];
        _stores = [.. _issuers.Select(i => new SvidStore(i, null, TimeProvider.System, NullLogger.Instance))];
        _wanted = _stores.Length * IdentityShape.BatchOfNode;
        foreach (SvidStore store in _stores) store.Changed += Received;
    }

    /// <summary>How many calls have failed; they were made again.</summary>
    public int Failures => Volatile.Read(ref _failures);

    /// <summary>Has the workloads of a batch come on all nodes at once, and returns how long it took until the last had its certificate, in seconds. To be called once.</summary>
    /// <exception cref="BenchInvalidException">Not in time.</exception>
    public async Task<double> WantAsync(CancellationToken cancellationToken)
    {
        Dictionary<SpiffeId, string>[] wanted = [.. Enumerable.Range(0, _stores.Length).Select(Workloads)];
        long start = Stopwatch.GetTimestamp();
        for (int node = 0; node < _stores.Length; node++) _stores[node].Want(wanted[node]);
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

    public async ValueTask DisposeAsync()
    {
        foreach (SvidStore store in _stores) await store.DisposeAsync();
        foreach (NodeIssuer issuer in _issuers) issuer.Dispose();
    }

    private static Dictionary<SpiffeId, string> Workloads(int node) => Enumerable.Range(0, IdentityShape.BatchOfNode).ToDictionary(n => IdentityShape.Identity(node, n), n => IdentityShape.Uid(node, n));

    // None lives so short that it is renewed meanwhile: each is a workload's first.
    private void Received(Svid svid)
    {
        if (Interlocked.Increment(ref _received) == _wanted) _all.TrySetResult();
    }

    private void Failed(string reason)
    {
        _lastFailure = reason;
        Interlocked.Increment(ref _failures);
    }
}
