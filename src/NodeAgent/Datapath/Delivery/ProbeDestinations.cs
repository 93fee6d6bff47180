using System.Net;
using System.Net.Sockets;
using Culvert.Core;

namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>Whom probes are for: rules of the node may go by that.</summary>
/// <param name="Address4">Of IPv4.</param>
/// <param name="Address6">Of IPv6.</param>
internal sealed record ProbeDestinations(IPAddress Address4, IPAddress Address6)
{
    // Addresses that nobody has (RFC 7600, RFC 6666).
    private static readonly IPAddress Nobody4 = IPAddress.Parse("192.0.0.8"), Nobody6 = IPAddress.Parse("100::2");

    /// <summary>A workload of another node, one of the mesh where there is one, as what is captured is for; nobody where there is none.</summary>
    internal static ProbeDestinations Of(NodeSnapshot snapshot)
    {
        // Of an ordered sequence the first that fits is found without sorting it.
        IOrderedEnumerable<WorkloadInfo> far = snapshot.Workloads.Values.Where(w => w.Node != snapshot.Node).OrderByDescending(w => w.Enrolled).ThenBy(w => w.Uid, StringComparer.Ordinal);
        return new ProbeDestinations(First(AddressFamily.InterNetwork) ?? Nobody4, First(AddressFamily.InterNetworkV6) ?? Nobody6);

        IPAddress? First(AddressFamily family) => far.FirstOrDefault(w => w.Addresses.Any(a => a.AddressFamily == family))?.Addresses.First(a => a.AddressFamily == family);
    }

    /// <summary>That of a family.</summary>
    internal IPAddress For(AddressFamily family) => family == AddressFamily.InterNetwork ? Address4 : Address6;
}
