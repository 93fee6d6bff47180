using System.Globalization;
using System.Runtime.CompilerServices;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>The ports that the kernel gives out by itself.</summary>
/// <param name="First">The first.</param>
/// <param name="Last">The last.</param>
internal readonly record struct LocalPortRange(ushort First, ushort Last)
{
    // What Linux has where nobody has set it.
    private static readonly LocalPortRange Usual = new(32_768, 60_999);

    private static volatile StrongBox<LocalPortRange>? s_ofNode;

    /// <summary>That of this process's network namespace, when it was asked for first, or first after <see cref="Forget"/>. Any thread may ask.</summary>
    internal static LocalPortRange OfNode => (s_ofNode ??= new StrongBox<LocalPortRange>(Read())).Value;

    /// <summary>It has turned out to be another by now.</summary>
    internal static void Forget() => s_ofNode = null;

    private static LocalPortRange Read()
    {
        try
        {
            return Parse(File.ReadAllText("/proc/sys/net/ipv4/ip_local_port_range"));
        }
        catch (Exception e) when (e is IOException or UnauthorizedAccessException)
        {
            return Usual; // a container may hide it; what is wrong of it shows when a port is asked for
        }
    }

    /// <summary>How many there are.</summary>
    internal int Count => Math.Max(0, Last - First + 1);

    /// <summary>Whether a port is one of them.</summary>
    internal bool Contains(ushort port) => port >= First && port <= Last;

    /// <summary>What /proc/sys/net/ipv4/ip_local_port_range says.</summary>
    internal static LocalPortRange Parse(string text) =>
        text.Split((char[]?)null, StringSplitOptions.RemoveEmptyEntries) is [string first, string last]
        && ushort.TryParse(first, NumberStyles.None, CultureInfo.InvariantCulture, out ushort low) && ushort.TryParse(last, NumberStyles.None, CultureInfo.InvariantCulture, out ushort high)
            ? new LocalPortRange(low, high) : Usual;
}
