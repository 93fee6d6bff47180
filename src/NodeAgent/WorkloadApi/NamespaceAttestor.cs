using System.Collections.Immutable;
using System.Globalization;
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
/// Nothing is asked in the caller's namespace, where others answer, too, and where there may be any number of links. Thread-safe.
/// </summary>
internal sealed class NamespaceAttestor : IWorkloadAttestor, IDisposable
{
    private const string Veth = "veth";
    private const string Ended = "the process has ended";

    private readonly Func<ImmutableArray<LocalEndpoint>> _endpoints;
    private readonly Func<string, string?> _podOf;
    private readonly RouteNetlink _node = RouteNetlink.Open();
    private readonly SeenNamespaces _seen;
    private readonly ulong _own;

    /// <summary>Looks from the network namespace that the calling thread is in.</summary>
    /// <param name="endpoints">The workloads that are captured now.</param>
    /// <param name="time">The clock.</param>
    /// <param name="podOf">The uid of the pod that a process is part of, by its folder in <c>/proc</c>; null: as <see cref="PodCgroup.PodOf"/>.</param>
    /// <exception cref="IOException">The kernel refused.</exception>
    internal NamespaceAttestor(Func<ImmutableArray<LocalEndpoint>> endpoints, TimeProvider time, Func<string, string?>? podOf = null)
    {
        (_endpoints, _podOf, _seen) = (endpoints, podOf ?? PodCgroup.PodOf, new SeenNamespaces(time));
        using NetworkNamespace own = NetworkNamespace.Current();
        _own = own.Inode;
    }

    /// <summary>
    /// The pod, by its control group, which nothing in it can leave; where there is none, the network namespace, if it is the node's, or was a pod's when it was looked at. Of all others together there is one group: a pod can make any
    /// number of them.
    /// </summary>
    public string GroupOf(PeerProcess peer)
    {
        try
        {
            string group = _podOf(FolderOf(peer)) ?? NamespaceGroupOf(peer);
            return peer.IsThere() ? group : "";
        }
        catch (IOException)
        {
            return ""; // it has ended, for one
        }
    }

    /// <inheritdoc/>
    public AttestedCaller? Attest(PeerProcess peer, out string reason)
    {
        NetworkNamespace? network = null;
        try
        {
            string? pod;
            try
            {
                network = NetworkNamespace.OfProcess(peer.Id);
                pod = _podOf(FolderOf(peer));
            }
            catch (KernelException e) when (!ResourceShortage.Is(e))
            {
                // Without its number: what is said of one is not said anew of each that follows.
                reason = peer.IsThere() ? $"the process can't be looked at ({e.ErrnoName})" : Ended;
                return null;
            }

            // All of it was read by the process's number, which was its own meanwhile only if it is still.
            if (!peer.IsThere())
            {
                reason = Ended;
                return null;
            }
            return OwnerOf(network, peer, pod, out reason);
        }
        finally
        {
            network?.Dispose();
        }
    }

    /// <inheritdoc/>
    public WorkloadInfo? Find(AttestedCaller caller)
    {
        foreach (LocalEndpoint endpoint in _endpoints())
        {
            if (CallerAt(endpoint) == caller) return endpoint.Workload;
        }
        return null;
    }

    /// <inheritdoc/>
    public void Dispose() => _node.Dispose();

    private static AttestedCaller CallerAt(LocalEndpoint endpoint) => new(endpoint.Workload.Uid, endpoint.Workload.PodUid, endpoint.Index, endpoint.Inside?.Inode ?? 0);

    private static string FolderOf(PeerProcess peer) => string.Create(CultureInfo.InvariantCulture, $"/proc/{peer.Id}");

    private static string Describe(PeerProcess peer) => string.Create(CultureInfo.InvariantCulture, $"a process of user {peer.User}");

    private string NamespaceGroupOf(PeerProcess peer)
    {
        using NetworkNamespace network = NetworkNamespace.OfProcess(peer.Id);
        ulong inode = network.Inode;
        return inode == _own || _seen.WasAPods(inode) ? inode.ToString(CultureInfo.InvariantCulture) : "";
    }

    private AttestedCaller? OwnerOf(NetworkNamespace network, PeerProcess peer, string? pod, out string reason)
    {
        ulong inode = network.Inode;
        if (inode == _own)
        {
            reason = $"{Describe(peer)} in the node's own network namespace is no pod's";
            return null;
        }

        ImmutableArray<LocalEndpoint> endpoints = _endpoints();
        LocalEndpoint[] found = [.. endpoints.Where(e => e.Inside?.Inode == inode)];
        if (found.Length == 0 && _seen.MayLook(inode, pod ?? "", endpoints))
        {
            found = LeadingTo(network, [.. endpoints.Where(e => e.Inside is null)]);
            if (found.Length == 0) _seen.NoteNobodys(inode);
        }
        if (found.Length > 0) _seen.NotePods(inode);
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

    /// <summary>Those whose link at the node leads to a namespace.</summary>
    private LocalEndpoint[] LeadingTo(NetworkNamespace network, LocalEndpoint[] endpoints)
    {
        // Asked for before the links are looked at: while the namespace is held its id is no other's, and a link that has it then leads there. A link that is looked at has the kernel give the other end's namespace one.
        int? id = _node.FindNamespaceId(network);
        if (id is null)
        {
            foreach (LocalEndpoint endpoint in endpoints) _node.FindLink(endpoint.Index);
            id = _node.FindNamespaceId(network);
        }
        return id is { } wanted ? [.. endpoints.Where(e => _node.FindLink(e.Index) is { Kind: Veth } link && link.PeerNamespaceId == wanted)] : [];
    }
}
