using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Proxy;

namespace Culvert.NodeAgent.Hosting;

/// <inheritdoc/>
internal sealed class AgentParts(
    ushort tunnelPort, DatapathReconciler reconciler, DatapathState state, FlowProber prober, MeshDirectory directory, SvidStore svids, ControllerLink channel, TlsIdentityTable tls,
    ProxyServer proxy, HealthState health) : IAgentParts
{
    /// <inheritdoc/>
    public NodeSnapshot InForce => directory.View.Snapshot;

    /// <inheritdoc/>
    public bool IsCurrent() => reconciler.IsCurrent(InForce);

    /// <inheritdoc/>
    public void Apply(NodeSnapshot snapshot)
    {
        TimeSpan lifetimeBefore = InForce.Mesh.CertificateLifetime;
        MeshView before = directory.View, view = new(snapshot, tunnelPort, before);
        reconciler.Apply(snapshot, switched =>
        {
            directory.View = switched ? view : before;
            if (!switched) proxy.ReauthorizeAll();
        });
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
}
