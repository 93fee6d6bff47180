using System.Collections.Immutable;
using System.Net;
using Culvert.Core;

namespace Culvert.NodeAgent.Datapath;

/// <summary>A workload of this node with the link its packets come from.</summary>
/// <param name="Workload">The workload.</param>
/// <param name="Interface">Host-side interface.</param>
/// <param name="Index">Its index.</param>
/// <param name="Mtu">Its MTU in bytes.</param>
/// <param name="HostMac">Its MAC address, 6 bytes.</param>
/// <param name="PodMac">The MAC address of the interface inside the pod, 6 bytes.</param>
internal sealed record LocalEndpoint(WorkloadInfo Workload, string Interface, int Index, int Mtu, ImmutableArray<byte> HostMac, ImmutableArray<byte> PodMac)
{
    internal IPAddress? Address4 => First(System.Net.Sockets.AddressFamily.InterNetwork);

    internal IPAddress? Address6 => First(System.Net.Sockets.AddressFamily.InterNetworkV6);

    /// <summary>Whether it is the same workload behind the same link.</summary>
    internal bool IsSameLink(LocalEndpoint other) =>
        Workload.Uid == other.Workload.Uid && Interface == other.Interface && Index == other.Index && Mtu == other.Mtu
        && HostMac.AsSpan().SequenceEqual(other.HostMac.AsSpan()) && PodMac.AsSpan().SequenceEqual(other.PodMac.AsSpan());

    private IPAddress? First(System.Net.Sockets.AddressFamily family)
    {
        foreach (IPAddress address in Workload.Addresses)
        {
            if (address.AddressFamily == family) return address;
        }
        return null;
    }
}
