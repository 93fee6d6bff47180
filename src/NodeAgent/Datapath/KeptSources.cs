using System.Net;
using Culvert.Core;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Which packets of the proxy keep their source, whoever masquerades.</summary>
/// <param name="Tunnels">Whether tunnels to other nodes do, which come from workloads' addresses then.</param>
/// <param name="Workloads">Addresses of workloads of this node, to which all does.</param>
internal sealed record KeptSources(bool Tunnels, EquatableArray<IPAddress> Workloads)
{
    /// <summary>Whether there are any.</summary>
    internal bool Any => Tunnels || Workloads.Count > 0;
}
