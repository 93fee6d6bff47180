using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;

namespace Culvert.NodeAgent.Datapath;

/// <summary>Which route of a table leads to an address: the longest prefix, and of equal ones the lowest metric. Costs a look-up for each length of prefix that there is. Immutable.</summary>
internal sealed class RouteLookup
{
    private const int Bits = 128;
    private readonly Dictionary<(AddressFamily, int Length), Dictionary<UInt128, IpRoute>> _routes = [];
    private readonly int[] _lengths;

    internal RouteLookup(IEnumerable<IpRoute> routes)
    {
        foreach (IpRoute route in routes.OrderBy(r => r.Priority ?? 0))
        {
            (AddressFamily, int) key = (route.Destination.BaseAddress.AddressFamily, route.Destination.PrefixLength);
            if (!_routes.TryGetValue(key, out Dictionary<UInt128, IpRoute>? same)) _routes[key] = same = [];
            same.TryAdd(Number(route.Destination.BaseAddress), route);
        }
        _lengths = [.. _routes.Keys.Select(k => k.Length).Distinct().OrderDescending()];
    }

    /// <summary>The route; null when there is none.</summary>
    internal IpRoute? Find(IPAddress address)
    {
        UInt128 number = Number(address);
        foreach (int length in _lengths)
        {
            UInt128 prefix = length == 0 ? 0 : number & (UInt128.MaxValue << (Bits - length));
            if (_routes.TryGetValue((address.AddressFamily, length), out Dictionary<UInt128, IpRoute>? routes) && routes.TryGetValue(prefix, out IpRoute? route)) return route;
        }
        return null;
    }

    // The first bit of an address of either family is the highest one.
    private static UInt128 Number(IPAddress address)
    {
        Span<byte> bytes = stackalloc byte[Bits / 8];
        address.TryWriteBytes(bytes, out _);
        return BinaryPrimitives.ReadUInt128BigEndian(bytes);
    }
}
