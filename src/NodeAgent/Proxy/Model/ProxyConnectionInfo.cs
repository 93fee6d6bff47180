using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Which part of the proxy a connection passes.</summary>
internal enum ProxyDirection
{
    /// <summary>Captured from a workload of this node.</summary>
    Outbound,

    /// <summary>Out of a tunnel, or in plaintext from outside the mesh, to a workload of this node.</summary>
    Inbound,
}

/// <summary>One proxied connection as observers see it.</summary>
internal readonly record struct ProxyConnectionInfo
{
    /// <summary>Nothing is known yet.</summary>
    public ProxyConnectionInfo()
    {
    }

    /// <summary>Number of the connection, unique in this process.</summary>
    internal long Id { get; init; }

    /// <summary>TCP or UDP.</summary>
    internal TransportProtocol Protocol { get; init; } = TransportProtocol.Tcp;

    /// <summary>Which part of the proxy.</summary>
    internal ProxyDirection Direction { get; init; }

    /// <summary>How it goes on; inbound, how it came: by a tunnel or in plaintext.</summary>
    internal OutboundRouteKind Route { get; init; }

    /// <summary>The client's address.</summary>
    internal SocketEndPoint Source { get; init; }

    /// <summary>Whether the client's address is the one that the peer's proxy names, and that a workload with the peer's identity has; else it is where the connection came from.</summary>
    internal bool IsClientNamedByPeer { get; init; }

    /// <summary>Whether that peer is this proxy itself, whose tunnel led to a workload of the same node: then the address is one of this node's.</summary>
    internal bool IsPeerThisProxy { get; init; }

    /// <summary>The load balancer whose PROXY protocol header was believed, and that may have named <see cref="Source"/>; null without one.</summary>
    internal SocketEndPoint? LoadBalancer { get; init; }

    /// <summary>Where the client wanted to go.</summary>
    internal SocketEndPoint Destination { get; init; }

    /// <summary>The application's address behind a Service; equal to <see cref="Destination"/> without one.</summary>
    internal SocketEndPoint Target { get; init; }

    /// <summary>The workload of this node that opened it (outbound).</summary>
    internal WorkloadInfo? SourceWorkload { get; init; }

    /// <summary>Where the socket is that speaks with the client, if the kernel's programs have brought it: the namespace of the workload that opened it, or that somebody outside the mesh addresses; null: the node's own.</summary>
    internal PodSpace? SourceSpace { get; init; }

    /// <summary>Where the sockets of the workload are that is addressed, if it is one of this node; null: in the node's own namespace.</summary>
    internal PodSpace? DestinationSpace { get; init; }

    /// <summary>Where the socket is that speaks with the application: the destination's, where that is of this node, else, beyond the mesh, the source's.</summary>
    internal PodSpace? ApplicationSpace => IsDestinationHere ? DestinationSpace : SourceSpace;

    /// <summary>
    /// Whether what the client sent and what the application gets are in one namespace: a client outside the mesh, of a pod that is captured inside. The proxy can't speak to the application from the client's port then, since
    /// its socket towards the client has the same addresses and ports, the other way round.
    /// </summary>
    internal bool IsClientsPortTaken => SourceSpace is not null && IsDestinationHere && SourceSpace == DestinationSpace && (LoadBalancer ?? Source) == Source;

    /// <summary>Whether the proxy connects to a workload of this node.</summary>
    internal bool IsDestinationHere => Direction == ProxyDirection.Inbound || Route == OutboundRouteKind.Local;

    /// <summary>The workload that is addressed, if known.</summary>
    internal WorkloadInfo? DestinationWorkload { get; init; }

    /// <summary>The Service that was addressed, if any.</summary>
    internal ServiceInfo? Service { get; init; }

    /// <summary>The application protocol of the port that it leads to, as a Service declares it (<see cref="ServicePort.AppProtocol"/>); null: bytes.</summary>
    internal string? ApplicationProtocol { get; init; }

    /// <summary>By which version of HTTP it is read.</summary>
    internal HttpKind Http => Protocol == TransportProtocol.Tcp ? HttpKinds.Of(ApplicationProtocol) : HttpKind.None;

    /// <summary>Outbound: the identity presented. Inbound: the identity the peer has proven.</summary>
    internal SpiffeId? SourceIdentity { get; init; }

    /// <summary>The destination's identity; outbound, the one its tunnel has to prove.</summary>
    internal SpiffeId? DestinationIdentity { get; init; }

    /// <summary>The key exchange group of the tunnel that carries it, as TLS names it; null: no tunnel, or none yet.</summary>
    internal string? TlsGroup { get; init; }

    /// <summary>Why the PROXY protocol header was refused that a load balancer sent, or should have sent.</summary>
    internal ProxyProtocolError HeaderError { get; init; }

    /// <summary>Policy's answer; default where none was asked.</summary>
    internal Decision Decision { get; init; }

    /// <summary>The same with the path that it goes on.</summary>
    /// <param name="route">The path.</param>
    /// <param name="spaces">Where a workload of this node is captured.</param>
    internal ProxyConnectionInfo With(in OutboundRoute route, IPodSpaces spaces) => this with
    {
        Route = route.Kind,
        Target = route.Kind == OutboundRouteKind.Deny ? Destination : route.Target,
        DestinationWorkload = route.Destination,
        DestinationIdentity = route.Destination?.Identity,
        DestinationSpace = route.Kind == OutboundRouteKind.Local ? spaces.Find(route.Destination!) : null,
        Service = route.Service,
        ApplicationProtocol = route.ApplicationProtocol,
    };
}
