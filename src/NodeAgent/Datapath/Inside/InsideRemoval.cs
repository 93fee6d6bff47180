using System.Net.Sockets;
using Culvert.Interop;
using Culvert.Interop.Netlink;
using Culvert.NodeAgent.Options;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>Takes out of pods' network namespaces what an agent that is gone has left there: rules and routes, and filters on kernels without TCX. Pinned links are removed with their pins.</summary>
public static class InsideRemoval
{
    /// <summary>Takes all of it out of the namespaces that the run folder tells of, and of those whose links lead to the caller's: the run folder may have been lost. Nothing is remembered of them then.</summary>
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
        foreach (string path in new NamespaceScan().LeadingHere) removed.AddRange(Remove(options, path));
        numbers.KeepOnly(new HashSet<ushort>());
        return removed;
    }

    /// <summary>Takes it out of one namespace; nothing when that has gone.</summary>
    /// <exception cref="KernelException">The namespace could not be entered, or something in it not removed.</exception>
    internal static IReadOnlyList<string> Remove(AgentOptions options, SpaceOwner owner)
    {
        return NamespaceScan.FindPath(owner.Inode) is { } path ? Remove(options, path) : [];
    }

    private static IReadOnlyList<string> Remove(AgentOptions options, string path)
    {
        NetworkNamespace network;
        try
        {
            network = NetworkNamespace.OpenPath(path);
        }
        catch (KernelException e) when (e.Errno == Errno.ENOENT)
        {
            return []; // its process has ended meanwhile
        }
        using (network)
        {
            foreach (int device in NamespaceScan.DevicesOf(network)) PodPrograms.DetachFilters(network, device);
            return new PodRoutes(options, network, [AddressFamily.InterNetwork, AddressFamily.InterNetworkV6]).Remove();
        }
    }
}
