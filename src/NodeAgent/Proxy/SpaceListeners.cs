namespace Culvert.NodeAgent.Proxy;

/// <summary>
/// The proxy's listeners in one pod's network namespace: of each kind one per loop, in order of loops, for IPv4 and then for IPv6. A family that the namespace does not have is left out.
/// </summary>
/// <param name="Outbound">For captured connections.</param>
/// <param name="Tunnels">For tunnels.</param>
/// <param name="Plain">For captured datagrams, which come as they were.</param>
internal sealed record SpaceListeners(IReadOnlyList<ProxyListener> Outbound, IReadOnlyList<ProxyListener> Tunnels, IReadOnlyList<ProxyListener> Plain)
{
    /// <summary>All of them.</summary>
    internal IEnumerable<ProxyListener> All => [.. Outbound, .. Tunnels, .. Plain];

    /// <summary>How many they are.</summary>
    internal int Count => Outbound.Count + Tunnels.Count + Plain.Count;
}
