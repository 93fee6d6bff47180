using System.Net;
using Culvert.Core;
using Culvert.Interop;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>
/// Finds the network namespaces of workloads of this node, in one look for all of them. An address alone proves little: whoever may change a pod's links can give them any. What a pod can't forge comes first: that it is captured
/// already, what its runtime has told, the control groups that kubelets put processes into, the host's end of its link, and the host routes that the CNI has made. The reconciler's, but for <see cref="IsWaiting"/>; not thread-safe.
/// </summary>
/// <param name="numbers">Which namespace has which number.</param>
/// <param name="captured">The inode number of the namespace in which a workload is captured now, and which is held open for that; null: in none.</param>
/// <param name="told">The path of the namespace that a workload's runtime has told; null: it has told none.</param>
internal sealed class NamespaceFinder(SpaceNumbers numbers, Func<WorkloadInfo, ulong?> captured, Func<WorkloadInfo, string?> told)
{
    private NamespaceScan? _scan;
    private volatile bool _isWaiting;

    /// <summary>Whether a workload has had no namespace when they were looked at last: one may come at any time, and nobody tells.</summary>
    internal bool IsWaiting => _isWaiting;

    /// <summary>What is found from here on is as it is then.</summary>
    internal void Forget() => (_scan, _isWaiting) = (null, false);

    /// <summary>The namespace of a workload, or why it can't be captured there.</summary>
    /// <param name="workload">A workload of this node.</param>
    /// <param name="reason">Why it is to be captured there.</param>
    /// <param name="hostEnds">What is known of the node's ends of pods' links.</param>
    /// <param name="obstacle">Why null was returned.</param>
    /// <exception cref="IOException">There is no memory or descriptor to look with: that of a workload which is captured must not count as gone.</exception>
    internal PodNamespace? Find(WorkloadInfo workload, string reason, IHostEnds hostEnds, out string obstacle)
    {
        obstacle = "";
        try
        {
            _scan ??= new NamespaceScan();
        }
        catch (KernelException e) when (!ResourceShortage.Is(e))
        {
            obstacle = $"the network namespaces of this node can't be looked at: {e.Message}";
            return null;
        }
        FoundNamespace? present = Present(workload);
        foreach (IPAddress address in workload.Addresses)
        {
            FoundNamespace[] found = present is not null ? [present] : Owners(workload, address, hostEnds);
            if (found.Length == 0) continue;
            if (found.Length > 1)
            {
                obstacle = $"several network namespaces have {address}: {string.Join(", ", found.Select(f => f.Path))}";
                return null;
            }
            SpaceOwner owner = new(found[0].Inode, workload.Uid) { PodUid = workload.PodUid };

            // Who was captured is not let go for what can be done in its namespace.
            if (found[0].Obstacle is { } why && numbers.Find(owner) is null)
            {
                obstacle = $"in its network namespace {found[0].Path} {why}";
                return null;
            }
            if (numbers.Take(owner) is { } number) return new PodNamespace(number, found[0].Path, found[0].Inode, found[0].Device, found[0].DeviceIndex, found[0].DeviceMtu, reason);
            obstacle = "there are as many pods captured inside their network namespaces as there can be on one node";
            return null;
        }
        _isWaiting = true;
        obstacle = $"no network namespace of this node has {string.Join(" or ", workload.Addresses)} that could be its own";
        return null;
    }

    /// <summary>Whether a workload is there, by a link that has no end on the node (macvlan, ipvlan, a network card that was moved). What can't be looked at is not.</summary>
    internal bool IsWithoutHostEnd(WorkloadInfo workload)
    {
        try
        {
            _scan ??= new NamespaceScan();
            return workload.Addresses.SelectMany(_scan.Find).Any(f => f.LeadsHere != false && f.HostEnd == 0);
        }
        catch (KernelException e) when (!ResourceShortage.Is(e))
        {
            return false; // what is said of it then is that there is no such link
        }
    }

    // Where it is captured, as long as that has any of its addresses.
    private FoundNamespace? Present(WorkloadInfo workload) =>
        captured(workload) is { } inode ? workload.Addresses.SelectMany(_scan!.Find).FirstOrDefault(f => f.Inode == inode) : null;

    private FoundNamespace[] Owners(WorkloadInfo workload, IPAddress address, IHostEnds hostEnds)
    {
        IReadOnlyList<FoundNamespace> all = _scan!.Find(address);
        if (told(workload) is { } path && InodeOf(path) is { } inode) return [.. all.Where(f => f.Inode == inode)];

        // Where the processes of any are known to be the pod's, none else is its; and those that are known to be other pods' are not.
        FoundNamespace[] its = [.. all.Where(f => workload.PodUid is { } uid && _scan.PodsIn(f.Inode).Contains(uid))];
        if (its.Length > 0) return its;
        all = [.. all.Where(f => workload.PodUid is null || _scan.PodsIn(f.Inode).Count == 0)];
        if (hostEnds.FindVeth(workload, address) is { } index) return [.. all.Where(f => f.HostEnd == index)];

        // Where others' pods have host routes by their veths, this one would have one, too.
        FoundNamespace[] sure = [.. all.Where(f => f.LeadsHere == true && !(f.HostEnd != 0 && hostEnds.HasHostRoutes(f.HostEnd)))];
        return sure.Length > 0 ? sure : [.. all.Where(f => f.LeadsHere is null)];
    }

    private static ulong? InodeOf(string path)
    {
        try
        {
            using NetworkNamespace network = NetworkNamespace.OpenPath(path);
            return network.Inode;
        }
        catch (KernelException e) when (!ResourceShortage.Is(e))
        {
            return null; // the runtime has it where this agent can't see it
        }
    }
}
