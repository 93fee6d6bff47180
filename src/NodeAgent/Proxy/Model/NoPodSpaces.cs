using Culvert.Core;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>For a proxy all of whose workloads are captured at the node's end of their interfaces.</summary>
internal sealed class NoPodSpaces : IPodSpaces
{
    /// <summary>The one object.</summary>
    internal static readonly NoPodSpaces Instance = new();

    /// <inheritdoc/>
    public PodSpace? Find(WorkloadInfo workload) => null;
}
