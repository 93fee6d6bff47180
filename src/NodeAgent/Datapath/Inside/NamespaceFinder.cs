using System.Net;
using Culvert.Core;
using Culvert.Interop;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>Finds the network namespaces of workloads of this node, in one look for all of them. The reconciler's; not thread-safe.</summary>
internal sealed class NamespaceFinder(SpaceNumbers numbers)
{
    private NamespaceScan? _scan;

    /// <summary>What is found from here on is as it is then.</summary>
    internal void Forget() => _scan = null;

    /// <summary>The namespace of a workload, or why it can't be captured there.</summary>
    /// <param name="workload">A workload of this node.</param>
    /// <param name="reason">Why it is to be captured there.</param>
    /// <param name="obstacle">Why null was returned.</param>
    internal PodNamespace? Find(WorkloadInfo workload, string reason, out string obstacle)
    {
        obstacle = "";
        try
        {
            _scan ??= new NamespaceScan();
        }
        catch (KernelException e)
        {
            obstacle = $"the network namespaces of this node can't be looked at: {e.Message}";
            return null;
        }
        foreach (IPAddress address in workload.Addresses)
        {
            IReadOnlyList<FoundNamespace> found = _scan.Find(address);
            if (found.Count == 0) continue;
            if (found.Count > 1)
            {
                obstacle = $"several network namespaces have {address}: {string.Join(", ", found.Select(f => f.Path))}";
                return null;
            }
            if (found[0].Obstacle is { } why)
            {
                obstacle = $"in its network namespace {found[0].Path} {why}";
                return null;
            }
            if (numbers.Take(new SpaceOwner(found[0].Inode, workload.Uid)) is { } number) return new PodNamespace(number, found[0].Path, found[0].Inode, found[0].Device, found[0].DeviceIndex, found[0].DeviceMtu, reason);
            obstacle = "there are as many pods captured inside their network namespaces as there can be on one node";
            return null;
        }
        obstacle = $"no network namespace of this node has {string.Join(" or ", workload.Addresses)}";
        return null;
    }
}
