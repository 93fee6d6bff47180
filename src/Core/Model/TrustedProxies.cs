using System.Net;

namespace Culvert.Core;

/// <summary>Ports that take a PROXY protocol header (v1 or v2), and the load balancers that may send one.</summary>
/// <param name="Ports">The ports; a number of 0 stands for every port of the protocol.</param>
/// <param name="From">Prefixes the load balancers' addresses lie in.</param>
public sealed record TrustedProxies(EquatableArray<TransportPort> Ports, EquatableArray<IpPrefix> From)
{
    /// <summary>Whether a port takes headers by this.</summary>
    public bool Covers(ushort port, TransportProtocol protocol)
    {
        foreach (TransportPort candidate in Ports)
        {
            if (candidate.Covers(port, protocol)) return true;
        }
        return false;
    }

    /// <summary>Whether a load balancer's address is among those trusted.</summary>
    public bool Trusts(IPAddress peer)
    {
        IpPrefix host = IpPrefix.Host(peer);
        foreach (IpPrefix prefix in From)
        {
            if (prefix.Contains(host)) return true;
        }
        return false;
    }
}
