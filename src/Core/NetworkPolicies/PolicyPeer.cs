using System.Net;

namespace Culvert.Core;

/// <summary>The other end of a connection as policy by address sees it: an address, or a block of addresses that no policy tells apart.</summary>
/// <param name="Block">The address, or a block; null stands for addresses that no policy names.</param>
/// <param name="Groups">The peer groups of the pod that has the address; none where no pod has it.</param>
/// <param name="NamedPorts">The ports which that pod calls by a name.</param>
public readonly record struct PolicyPeer(IpPrefix? Block, EquatableArray<string> Groups, EquatableArray<NamedPort> NamedPorts)
{
    /// <summary>An address and the workload that has it, if any.</summary>
    public static PolicyPeer Of(IPAddress address, WorkloadInfo? workload) => Of(IpPrefix.Host(address), workload);

    /// <summary>As <see cref="Of(IPAddress, WorkloadInfo?)"/>, by a whole address.</summary>
    public static PolicyPeer Of(in IpPrefix address, WorkloadInfo? workload) =>
        workload is null ? new(address, [], []) : new(address, workload.PeerGroups, workload.NamedPorts);
}
