using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Datapath.Inside;

namespace Culvert.NodeAgent.Datapath;

/// <summary>A workload of this node with the link its packets come from.</summary>
/// <param name="Workload">The workload.</param>
/// <param name="Interface">Host-side interface.</param>
/// <param name="Index">Its index.</param>
/// <param name="Mtu">Its MTU in bytes.</param>
/// <param name="HostMac">The MAC address that the pod takes for its router's, 6 bytes: the interface's, or that of the bridge that has it as a port.</param>
/// <param name="PodMac">The MAC address of the interface inside the pod, 6 bytes.</param>
internal sealed record LocalEndpoint(WorkloadInfo Workload, string Interface, int Index, int Mtu, ImmutableArray<byte> HostMac, ImmutableArray<byte> PodMac)
{
    /// <summary>Index of the bridge that the interface is a port of; null: of none.</summary>
    internal int? BridgeIndex { get; init; }

    /// <summary>Whether the interface is a port of a bridge.</summary>
    internal bool IsBridged => BridgeIndex is not null;

    /// <summary>Index of the link by which routing takes its packets to come in: what comes by a port comes by the bridge.</summary>
    internal int RoutedFrom => BridgeIndex ?? Index;

    /// <summary>Its network namespace, when it is captured there; null: at <see cref="Interface"/>, the host's end of its link. Then <see cref="Index"/> is no index of a link but <c>CV_LINK_INSIDE</c> with the number of the namespace.</summary>
    internal PodNamespace? Inside { get; init; }

    /// <summary>Why packets to and from it are not redirected, whatever holds for others; null when nothing speaks against it.</summary>
    internal string? HostStackReason { get; init; }

    /// <summary>What is the matter with it though it is captured; null: nothing.</summary>
    internal string? Fault { get; init; }

    internal IPAddress? Address4 => First(System.Net.Sockets.AddressFamily.InterNetwork);

    internal IPAddress? Address6 => First(System.Net.Sockets.AddressFamily.InterNetworkV6);

    /// <summary>Whether it is the same workload behind the same link, with the same of others at it.</summary>
    internal bool IsSameLink(LocalEndpoint other) =>
        Workload.Uid == other.Workload.Uid && Interface == other.Interface && Index == other.Index && Mtu == other.Mtu && HostStackReason == other.HostStackReason && Fault == other.Fault && BridgeIndex == other.BridgeIndex
        && Inside?.Inode == other.Inside?.Inode && Inside?.DeviceIndex == other.Inside?.DeviceIndex
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
