using Culvert.Core;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Which workloads are captured inside their network namespaces. Called on every loop at once, once or twice per connection: implementations take no lock and allocate nothing.</summary>
internal interface IPodSpaces
{
    /// <summary>The space of a workload of this node; null: it is captured at the node's end of its interface, and its sockets are in the node's namespace.</summary>
    /// <param name="workload">The workload.</param>
    PodSpace? Find(WorkloadInfo workload);
}
