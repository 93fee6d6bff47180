using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Snapshots;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Puts snapshots into force in every part of one agent, one at a time. Thread-safe.</summary>
internal sealed class SnapshotApplier(
    ushort tunnelPort, DatapathReconciler reconciler, DatapathState state, FlowProber prober, MeshDirectory directory, SvidStore svids, ControllerLink channel, TlsIdentityTable tls,
    ProxyServer proxy, HealthState health) : ISnapshotSink, IDisposable
{
    private readonly SemaphoreSlim _applying = new(1, 1);

    /// <inheritdoc/>
    public async Task ApplyAsync(NodeSnapshot snapshot, CancellationToken cancellationToken)
    {
        ArgumentNullException.ThrowIfNull(snapshot);
        await _applying.WaitAsync(cancellationToken);
        try
        {
            reconciler.Apply(snapshot);
            TimeSpan lifetimeBefore = directory.View.Snapshot.Mesh.CertificateLifetime;
            directory.View = new MeshView(snapshot, tunnelPort, directory.View);
            Dictionary<SpiffeId, string> wanted = [];
            foreach (WorkloadInfo workload in snapshot.LocalWorkloads()) wanted.TryAdd(workload.Identity, workload.Uid);
            svids.Want(wanted);
            if (snapshot.Mesh.CertificateLifetime < lifetimeBefore) svids.RenewLongerThan(snapshot.Mesh.CertificateLifetime * (1 + snapshot.Mesh.CertificateLifetimeJitter));
            channel.SetBundle(snapshot.TrustBundle);
            tls.Update(snapshot.TrustBundle, wanted.Keys.ToHashSet());
            proxy.ReauthorizeAll();
            prober.Probe(state.Current.Generation);
            health.Clear("snapshot");
        }
        finally
        {
            _applying.Release();
        }
    }

    /// <summary>Does something while no snapshot is being put into force.</summary>
    internal async Task<T> WhileIdleAsync<T>(Func<T> action, CancellationToken cancellationToken)
    {
        await _applying.WaitAsync(cancellationToken);
        try
        {
            return action();
        }
        finally
        {
            _applying.Release();
        }
    }

    public void Dispose() => _applying.Dispose();
}
