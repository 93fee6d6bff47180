using System.Net.Sockets;
using Culvert.Interop;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>Takes out of pods' network namespaces what an agent that is gone has left there: rules and routes, and filters on kernels without TCX. Pinned links are removed with their pins.</summary>
public static class InsideRemoval
{
    /// <summary>The same for all namespaces that the run folder tells of, which forgets them, and for rules and routes in those whose links lead to the caller's.</summary>
    /// <param name="runFolder">The agent's run folder.</param>
    /// <param name="routeTable">The agent's routing table.</param>
    /// <returns>One line for each thing removed.</returns>
    /// <exception cref="KernelException">A namespace could not be entered, or something in it not removed.</exception>
    public static IReadOnlyList<string> RemoveAll(string runFolder, uint routeTable)
    {
        SpaceNumbers numbers = new(runFolder, NullLogger.Instance);
        AgentOptions options = new() { RouteTable = routeTable };
        List<string> removed = [];
        foreach (SpaceOwner owner in numbers.All.Values) removed.AddRange(Remove(options, owner));
        numbers.KeepOnly(new HashSet<ushort>());
        foreach (string path in new NamespaceScan().LeadingHere) removed.AddRange(RemoveRoutes(options, path));
        return removed;
    }

    /// <summary>The same for one namespace; nothing when it has gone.</summary>
    /// <exception cref="KernelException">The namespace could not be entered, or something in it not removed.</exception>
    internal static IReadOnlyList<string> Remove(AgentOptions options, SpaceOwner owner)
    {
        if (NamespaceScan.FindPath(owner.Inode) is not { } path) return [];
        using (NetworkNamespace network = NetworkNamespace.OpenPath(path))
        {
            foreach (int device in NamespaceScan.DevicesOf(network)) PodPrograms.DetachFilters(network, device);
        }
        return RemoveRoutes(options, path);
    }

    private static IReadOnlyList<string> RemoveRoutes(AgentOptions options, string path)
    {
        using NetworkNamespace network = NetworkNamespace.OpenPath(path);
        return new PodRoutes(options, network, [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6]).Remove();
    }
}
