using System.Net;
using Culvert.Core;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>What is known on the node of the host's ends of pods' links. No pod can change it.</summary>
internal interface IHostEnds
{
    /// <summary>The index of the veth that a workload was declared with, or that the host route to its address leads to; of no link where the one it was declared with is not there; null: nothing is known of it.</summary>
    int? FindVeth(WorkloadInfo workload, IPAddress address);

    /// <summary>Whether host routes lead to a link.</summary>
    bool HasHostRoutes(int index);
}
