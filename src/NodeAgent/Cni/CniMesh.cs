using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Hosting;

namespace Culvert.NodeAgent.Cni;

/// <inheritdoc/>
internal sealed class CniMesh(SnapshotApplier applier, DatapathState state) : ICniMesh
{
    public NodeSnapshot Told => applier.Told;

    public DatapathInForce InForce => state.Current;

    public Task NextChange => applier.NextChange;

    public Task RejoinAsync(Func<bool> isNeeded, CancellationToken cancellationToken) => applier.RejoinAsync(isNeeded, cancellationToken);
}
