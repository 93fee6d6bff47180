namespace Culvert.Core;

/// <summary>Why a connection takes its path.</summary>
public enum PathReason
{
    /// <summary>Both ends are in the mesh, and nothing is special: <see cref="PathKind.Direct"/> or, to another node, <see cref="PathKind.Tunnel"/>.</summary>
    None,

    /// <summary>Proxy: the Service port's backends are chosen in a way that the kernel does not know.</summary>
    LoadBalancing,

    /// <summary>Proxy by a Service, Pass without one: the workload speaks to itself.</summary>
    Itself,

    /// <summary>Proxy: a PROXY protocol header is to be written or read at the port, or what comes from the port answers what came with one.</summary>
    ProxyProtocol,

    /// <summary>Proxy: requests to the Service port are routed, each to a backend of its own.</summary>
    Routes,

    /// <summary>Proxy: policy asks about the requests that are made at the port.</summary>
    Requests,

    /// <summary>Pass: configuration leaves the address or the port alone.</summary>
    Excluded,

    /// <summary>Pass: the destination leaves the port alone. What policy says of what leaves the source holds.</summary>
    OpenPort,

    /// <summary>Pass: one of the ends is not in the mesh.</summary>
    NotEnrolled,

    /// <summary>Drop: the Service has no such port.</summary>
    NoServicePort,

    /// <summary>Drop: the Service port has no backend.</summary>
    NoBackend,

    /// <summary>Drop: tunnels are the proxies' to make.</summary>
    TunnelPort,

    /// <summary>Tunnel, also on one node: one of the ends is captured inside its network namespace, to which no other way of the mesh leads.</summary>
    Inside,
}
