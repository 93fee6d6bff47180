using System.Globalization;

namespace Culvert.NodeAgent.Datapath.Delivery;

/// <summary>The kernel's table of tracked connections.</summary>
internal static class ConnectionTracking
{
    private const string Folder = "/proc/sys/net/netfilter/";
    private const double NearlyFull = 0.95;

    /// <summary>Whether the kernel is about to drop what begins, whoever it is from (<c>nf_conntrack: table full</c>).</summary>
    internal static bool IsNearlyFull() => Read("nf_conntrack_count") is { } count && Read("nf_conntrack_max") is > 0 and { } max && count > max * NearlyFull;

    // Without netfilter there is none.
    private static long? Read(string name)
    {
        string path = Folder + name;
        return File.Exists(path) && long.TryParse(File.ReadAllText(path), CultureInfo.InvariantCulture, out long value) ? value : null;
    }
}
