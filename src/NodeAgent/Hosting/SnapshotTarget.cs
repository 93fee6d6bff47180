using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Hosting;

/// <inheritdoc/>
/// <param name="tunnelPort">Where tunnels arrive.</param>
/// <param name="reconciler">The kernel's tables and programs.</param>
/// <param name="state">What is in the kernel.</param>
/// <param name="prober">Has idle connections revalidated.</param>
/// <param name="directory">What the proxy knows of the mesh.</param>
/// <param name="svids">Certificates of this node's workloads.</param>
/// <param name="channel">The way to the controller.</param>
/// <param name="tls">What the proxy proves and believes.</param>
/// <param name="trust">The roots of tunnels.</param>
/// <param name="proxy">The proxy.</param>
/// <param name="health">Told when a snapshot is in force.</param>
/// <param name="offerListeners">
/// Has the kernel hand connections to the proxy; called once, after the first snapshot. Without one the proxy would reset all that comes; until then the kernel drops it,
/// and TCP sends its SYN again.
/// </param>
/// <param name="ejected">Told of each backend that gets no requests for a while. Thread-safe.</param>
/// <param name="isInside">Whether a workload is captured inside its network namespace, now. Thread-safe.</param>
internal sealed class SnapshotTarget(
    ushort tunnelPort, DatapathReconciler reconciler, DatapathState state, FlowProber prober, MeshDirectory directory, ISvidStore svids, ControllerLink channel, TlsIdentityTable tls, TunnelTrust trust,
    ProxyServer proxy, HealthState health, Action offerListeners, Action<BackendRequests, TimeSpan> ejected, Func<string, bool> isInside) : ISnapshotTarget
{
    private bool _offered;

    /// <summary>Told, within the change, which snapshot the kernel has gone over to, or back to.</summary>
    internal event Action<NodeSnapshot>? Switched;

    /// <inheritdoc/>
    public NodeSnapshot InForce => directory.View.Snapshot;

    /// <inheritdoc/>
    public bool IsCurrent() => reconciler.IsCurrent(InForce);

    /// <inheritdoc/>
    public void Apply(NodeSnapshot snapshot)
    {
        TimeSpan lifetimeBefore = InForce.Mesh.CertificateLifetime;

        // Before anything has changed: what is refused must not be in force in part.
        SvidVerifier.CheckRoots(snapshot.TrustBundle);

        // Holds whatever becomes of the rest, for which the kernel may have no room: it only takes away. Nor is any of it refused for what another trust domain tells.
        tls.Revoke(snapshot.Mesh.Revoked);
        trust.Withdraw(snapshot.FederatedBundles);

        // What the proxy and what the kernel need of it have nothing to do with each other, and take about as long.
        MeshView before = directory.View;
        Task<MeshView> building = Task.Run(() => new MeshView(snapshot, tunnelPort, before, state.IsNodeAddress, isInside, ejected, proxy.CheckBackends));
        PreparedSnapshot prepared = reconciler.Prepare(snapshot);
        MeshView view = building.GetAwaiter().GetResult();
        reconciler.Apply(prepared, switched =>
        {
            directory.View = switched ? view : before;
            Switched?.Invoke(directory.View.Snapshot);

            // Whatever becomes of the rest: open connections are not to outlive what allowed them.
            proxy.Revalidate();
        }, () => Leave(snapshot.LocalWorkloads()));
        Dictionary<SpiffeId, string> wanted = [];
        foreach (WorkloadInfo workload in snapshot.LocalWorkloads()) wanted.TryAdd(workload.Identity, workload.Uid);
        svids.Want(wanted);
        if (snapshot.Mesh.CertificateLifetime < lifetimeBefore) svids.RenewLongerThan(snapshot.Mesh.CertificateLifetime * (1 + snapshot.Mesh.CertificateLifetimeJitter));
        channel.SetBundle(snapshot.TrustBundle);
        channel.Revoke(snapshot.Mesh.Revoked);
        trust.Use(snapshot.TrustBundle, wanted.Keys.ToHashSet(), snapshot.FederatedBundles);
        if (!_offered) offerListeners();
        _offered = true;
        prober.Probe(state.Current.Generation);
        health.Clear("snapshot");
    }

    /// <summary>Resets what the workloads of this node have opened, which are all about to leave the mesh.</summary>
    internal void Leave() => Leave([]);

    // Without the programs at their interfaces nothing that the proxy says reaches them any more.
    private void Leave(IEnumerable<WorkloadInfo> staying)
    {
        HashSet<string> leaving = [.. InForce.LocalWorkloads().Select(w => w.Uid)];
        leaving.ExceptWith(staying.Select(w => w.Uid));
        if (leaving.Count > 0) proxy.LeaveAsync(leaving).GetAwaiter().GetResult();
    }
}
