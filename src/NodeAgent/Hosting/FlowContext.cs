using Culvert.Core;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Mesh;

namespace Culvert.NodeAgent.Hosting;

/// <summary>Names for kernel records, from what the proxy and the datapath have in force. Thread-safe.</summary>
internal sealed class FlowContext(MeshDirectory directory, DatapathState state) : IFlowContext
{
    public SnapshotIndex Index => directory.View.Index;

    public (PolicyReference Policy, int Rule)? FindRule(uint ruleId) => state.Current.Rules.TryGetValue(ruleId, out (PolicyReference, int) rule) ? rule : null;
}
