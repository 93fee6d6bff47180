using System.Collections.Immutable;
using System.Globalization;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop;
using Culvert.Interop.Netlink;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Datapath.Inside;

namespace Culvert.NodeAgent.WorkloadApi;

/// <summary>
/// Tells applications apart by the network namespace of the process that has connected: that of a captured pod, whichever runtime has made it. Whose a namespace is, the link says by which the pod is captured, and not an
/// address, which anybody with rights in a namespace can take: the other end of a veth in the node's namespace can't be had by another pod, nor can the namespace that a pod is captured inside, which is held open for that.
/// Thread-safe.
/// </summary>
/// <param name="endpoints">The workloads that are captured now.</param>
internal sealed class NamespaceAttestor(Func<ImmutableArray<LocalEndpoint>> endpoints) : IWorkloadAttestor
{
    private const string Veth = "veth";

    /// <inheritdoc/>
    public AttestedCaller? Attest(Socket connection, out string reason)
    {
        try
        {
            using PeerProcess peer = PeerProcess.Of(connection.SafeHandle);
            using NetworkNamespace network = NetworkNamespace.OfProcess(peer.Id);
            string? pod = PodCgroup.PodOf(string.Create(CultureInfo.InvariantCulture, $"/proc/{peer.Id}"));

            // All of it was read by the process's number, which was its own meanwhile only if it is still.
            if (!peer.IsThere())
            {
                reason = "the process has ended";
                return null;
            }
            return OwnerOf(network, peer, pod, out reason);
        }
        catch (IOException e) when (!ResourceShortage.Is(e))
        {
            reason = e.Message;
            return null;
        }
    }

    /// <inheritdoc/>
    public WorkloadInfo? Find(AttestedCaller caller)
    {
        foreach (LocalEndpoint endpoint in endpoints())
        {
            if (CallerAt(endpoint) == caller) return endpoint.Workload;
        }
        return null;
    }

    private static AttestedCaller CallerAt(LocalEndpoint endpoint) => new(endpoint.Workload.Uid, endpoint.Workload.PodUid, endpoint.Index, endpoint.Inside?.Inode ?? 0);

    // Without its number: what is said of one is not said anew of each that follows.
    private static string Describe(PeerProcess peer) => string.Create(CultureInfo.InvariantCulture, $"a process of user {peer.User}");

    private AttestedCaller? OwnerOf(NetworkNamespace network, PeerProcess peer, string? pod, out string reason)
    {
        using NetworkNamespace own = NetworkNamespace.Current();
        ulong inode = network.Inode;
        if (inode == own.Inode)
        {
            reason = $"{Describe(peer)} in the node's own network namespace is no pod's";
            return null;
        }

        LocalEndpoint[] found = [.. endpoints().Where(e => e.Inside?.Inode == inode)];
        if (found.Length == 0)
        {
            HashSet<int> hostEnds = HostEndsOf(network, own);
            found = [.. endpoints().Where(e => e.Inside is null && hostEnds.Contains(e.Index))];
        }
        if (found is not [LocalEndpoint endpoint])
        {
            reason = found.Length == 0
                ? $"{Describe(peer)} is in a network namespace of no pod that is in the mesh and captured on this node{(pod is null ? "" : $"; its control group is that of pod {pod}")}"
                : $"{Describe(peer)} is in the network namespace of several workloads: {string.Join(", ", found.Select(f => f.Workload.Uid))}";
            return null;
        }

        // The kubelet's word, where there is one.
        if (pod is not null && endpoint.Workload.PodUid is { } expected && pod != expected)
        {
            reason = $"{Describe(peer)} is in the network namespace of {endpoint.Workload.Uid}, pod {expected}, and in the control group of another one, {pod}";
            return null;
        }
        reason = "";
        return CallerAt(endpoint);
    }

    private static HashSet<int> HostEndsOf(NetworkNamespace network, NetworkNamespace own)
    {
        using RouteNetlink netlink = RouteNetlink.Open(network);

        // Before it is asked for: it is a link that is looked at that has the kernel give the other namespace an id.
        IReadOnlyList<LinkInfo> links = netlink.GetLinks();
        return netlink.FindNamespaceId(own) is { } here ? [.. links.Where(l => l.Kind == Veth && l.PeerNamespaceId == here).Select(l => l.PeerIndex)] : [];
    }
}
