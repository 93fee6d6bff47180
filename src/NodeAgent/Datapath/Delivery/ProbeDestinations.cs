using System.Collections.Immutable;
using System.Net;
using System.Net.Sockets;
using Culvert.Core;

namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>Whom probes are for: rules of the node may go by that. Of each family the first that the node has a route to; it may have none to some.</summary>
/// <param name="Addresses4">Of IPv4, at least one.</param>
/// <param name="Addresses6">Of IPv6, at least one.</param>
internal sealed record ProbeDestinations(ImmutableArray<IPAddress> Addresses4, ImmutableArray<IPAddress> Addresses6)
{
    // A node has routes to the pods of most others; each that is asked for is one request to the kernel.
    private const int Most = 16;

    // Addresses that nobody has (RFC 7600, RFC 6666).
    private static readonly IPAddress Nobody4 = IPAddress.Parse("192.0.0.8"), Nobody6 = IPAddress.Parse("100::2");

    /// <summary>Workloads of other nodes, those of the mesh first, as what is captured is for; nobody where there is none.</summary>
    internal static ProbeDestinations Of(NodeSnapshot snapshot)
    {
        WorkloadInfo[] far = [.. snapshot.Workloads.Values.Where(w => w.Node != snapshot.Node && !w.Addresses.IsEmpty).OrderByDescending(w => w.Enrolled).ThenBy(w => w.Uid, StringComparer.Ordinal)];
        return new ProbeDestinations(First(AddressFamily.InterNetwork, Nobody4), First(AddressFamily.InterNetworkV6, Nobody6));

        ImmutableArray<IPAddress> First(AddressFamily family, IPAddress nobody)
        {
            ImmutableArray<IPAddress> found = [.. far.SelectMany(w => w.Addresses.Where(a => a.AddressFamily == family).Take(1)).Take(Most)];
            return found.IsEmpty ? [nobody] : found;
        }
    }

    /// <summary>Those of a family.</summary>
    internal ImmutableArray<IPAddress> For(AddressFamily family) => family == AddressFamily.InterNetwork ? Addresses4 : Addresses6;
}
