using System.Globalization;
using System.Net;
using Culvert.Interop;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath.Inside;

/// <summary>
/// One look at the network namespaces of the machine, those of its processes and those that are mounted, and at who has which address there. Nothing of it is kept open: a namespace that is held lives on without its pod.
/// Not thread-safe.
/// </summary>
internal sealed class NamespaceScan
{
    // Where container runtimes and `ip netns` mount them: a pod's may be there before its first process is.
    private static readonly string[] MountFolders = [NetworkNamespace.Folder, "/var/run/netns", "/run/docker/netns"];

    private readonly Dictionary<IPAddress, List<FoundNamespace>> _byAddress = [];
    private readonly List<string> _leadingHere = [];
    private readonly Dictionary<ulong, HashSet<string>> _pods = [];

    /// <summary>Looks at all of them.</summary>
    /// <exception cref="IOException">There is no memory or descriptor to look with.</exception>
    internal NamespaceScan()
    {
        using NetworkNamespace own = NetworkNamespace.Current();
        HashSet<ulong> seen = [own.Inode];
        foreach (string path in Paths(NotePod))
        {
            try
            {
                using NetworkNamespace network = NetworkNamespace.OpenPath(path);
                if (seen.Add(network.Inode) && IsTrusted(network, path)) Look(network, path, own);
            }
            catch (KernelException e) when (!ResourceShortage.Is(e))
            {
                // Its process has ended meanwhile, or it is no namespace; whose namespace it was is not found there.
                continue;
            }
        }
    }

    /// <summary>Namespaces that have an address.</summary>
    internal IReadOnlyList<FoundNamespace> Find(IPAddress address) => _byAddress.TryGetValue(address, out List<FoundNamespace>? found) ? found : [];

    /// <summary>Uids of the pods that the processes of a namespace are part of: none where nothing runs yet, or where nothing is known of them.</summary>
    internal IReadOnlyCollection<string> PodsIn(ulong inode) => _pods.TryGetValue(inode, out HashSet<string>? pods) ? pods : [];

    /// <summary>Files that stand for those with a link whose other end is in the agent's namespace, and none that leads to another: that would be a node's, beside this one.</summary>
    internal IReadOnlyList<string> LeadingHere => _leadingHere;

    /// <summary>A file that stands for the namespace with an inode number; null when there is none any more.</summary>
    internal static string? FindPath(ulong inode)
    {
        foreach (string path in Paths(static (_, _) => { }))
        {
            try
            {
                using NetworkNamespace network = NetworkNamespace.OpenPath(path);
                if (network.Inode == inode) return path;
            }
            catch (KernelException e) when (!ResourceShortage.Is(e))
            {
                continue; // its process has ended meanwhile
            }
        }
        return null;
    }

    /// <summary>Indexes of a namespace's links.</summary>
    /// <exception cref="KernelException">It can't be entered.</exception>
    internal static IReadOnlyList<int> DevicesOf(NetworkNamespace network)
    {
        using RouteNetlink netlink = RouteNetlink.Open(network);
        return [.. netlink.GetLinks().Select(l => l.Index)];
    }

    // Mounts first: a process may end at any time. Of many processes in one namespace the first stands for all.
    private static IEnumerable<string> Paths(Action<string, string> onProcess)
    {
        foreach (string path in MountFolders.SelectMany(FilesIn)) yield return path;
        HashSet<string> targets = [];
        foreach (string process in Directory.EnumerateDirectories("/proc"))
        {
            if (!int.TryParse(Path.GetFileName(process.AsSpan()), NumberStyles.None, CultureInfo.InvariantCulture, out _)) continue;
            string path = $"{process}/ns/net";
            if (Target(path) is not { } target) continue;
            onProcess(process, target);
            if (targets.Add(target)) yield return path;
        }
    }

    // Its namespace as the kernel writes it: net:[4026531840].
    private void NotePod(string process, string target)
    {
        int start = target.IndexOf('[', StringComparison.Ordinal) + 1, end = target.IndexOf(']', StringComparison.Ordinal);
        if (start <= 0 || end < start || !ulong.TryParse(target.AsSpan(start, end - start), NumberStyles.None, CultureInfo.InvariantCulture, out ulong inode)) return;
        if (PodCgroup.PodOf(process) is not { } uid) return;
        if (!_pods.TryGetValue(inode, out HashSet<string>? pods)) _pods.Add(inode, pods = new(StringComparer.Ordinal));
        pods.Add(uid);
    }

    private static string[] FilesIn(string folder)
    {
        try
        {
            return Directory.Exists(folder) ? Directory.GetFiles(folder) : [];
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException io && !ResourceShortage.Is(io)))
        {
            return []; // it has gone meanwhile, or is not for us to look at: whose namespaces are only there are not found, and said to be so
        }
    }

    // What is mounted was put there by who runs pods. A process may have been given its namespace by anybody: within user namespaces everybody may make them, with links and addresses of any kind.
    private static bool IsTrusted(NetworkNamespace network, string path) => !path.StartsWith("/proc/", StringComparison.Ordinal) || network.BelongsToOwnUserNamespace();

    private static string? Target(string path)
    {
        try
        {
            return new FileInfo(path).LinkTarget;
        }
        catch (Exception e) when (e is UnauthorizedAccessException || (e is IOException io && !ResourceShortage.Is(io)))
        {
            return null; // it has ended, or is not for us to look at
        }
    }

    private void Look(NetworkNamespace network, string path, NetworkNamespace own)
    {
        using RouteNetlink netlink = RouteNetlink.Open(network);
        IReadOnlyList<LinkAddress> addresses = netlink.GetAddresses();
        if (addresses.All(a => a.Address.IsIPv6LinkLocal || IPAddress.IsLoopback(a.Address))) return;
        Dictionary<int, LinkInfo> links = netlink.GetLinks().ToDictionary(l => l.Index);
        int? here = netlink.FindNamespaceId(own);
        if (links.Values.Any(l => LeadsHere(l, here) == true) && !links.Values.Any(l => l.PeerNamespaceId is { } id && id != here)) _leadingHere.Add(path);
        string? obstacle = links.Values.Any(l => l is { Name: "lo", IsUp: true }) ? null : "its loopback link is down";
        foreach (LinkAddress address in addresses)
        {
            if (address.Address.IsIPv6LinkLocal || IPAddress.IsLoopback(address.Address) || !links.TryGetValue(address.InterfaceIndex, out LinkInfo? link)) continue;
            bool? leadsHere = LeadsHere(link, here);
            int hostEnd = leadsHere == true && link.Kind == "veth" ? link.PeerIndex : 0;
            if (!_byAddress.TryGetValue(address.Address, out List<FoundNamespace>? found)) _byAddress.Add(address.Address, found = []);
            found.Add(new FoundNamespace(path, network.Inode, link.Name, link.Index, link.Mtu, leadsHere, hostEnd, link.MacAddress is null ? "its link has no Ethernet address" : obstacle));
        }
    }

    // Bridges, tunnels and the like can be made in any namespace: only of a card nothing can be told.
    private static bool? LeadsHere(LinkInfo link, int? here) => link switch
    {
        { PeerNamespaceId: { } id } => id == here,
        { Kind: null, PeerIndex: 0 } when link.Name != "lo" => null,
        _ => false,
    };
}
