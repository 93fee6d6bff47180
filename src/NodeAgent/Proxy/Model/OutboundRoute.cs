using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>How a captured connection goes on.</summary>
internal enum OutboundRouteKind
{
    /// <summary>Not at all.</summary>
    Deny,

    /// <summary>Through a tunnel to the destination workload's node.</summary>
    Tunnel,

    /// <summary>To a workload of this node, after authorisation here.</summary>
    Local,

    /// <summary>In plaintext to an address outside the mesh.</summary>
    Passthrough,

    /// <summary>By its requests, each of which goes on by a connection of its own choice.</summary>
    Routed,
}

/// <summary>The directory's answer for one captured connection.</summary>
internal readonly record struct OutboundRoute
{
    /// <summary>How it goes on.</summary>
    internal OutboundRouteKind Kind { get; private init; }

    /// <summary>Where the connection is dialled to: the tunnel's address, or the target itself.</summary>
    internal SocketEndPoint Dial { get; private init; }

    /// <summary>The application's address and port; for a tunnel, the CONNECT authority.</summary>
    internal SocketEndPoint Target { get; private init; }

    /// <summary>The workload at <see cref="Target"/>; null outside the mesh.</summary>
    internal WorkloadInfo? Destination { get; private init; }

    /// <summary>The Service that was addressed, if any.</summary>
    internal ServiceInfo? Service { get; private init; }

    /// <summary>The application protocol of the Service port that was addressed, or of the address itself; null: bytes.</summary>
    internal string? ApplicationProtocol { get; init; }

    /// <summary>Connections or sessions of the backend that was chosen, to be counted there; null where nobody asks.</summary>
    internal BackendLoad? Load { get; init; }

    /// <summary>Requests to the backend that was chosen, to be counted there; null where nobody asks.</summary>
    internal BackendRequests? Requests { get; init; }

    /// <summary>What the client of the request is to be given as <c>set-cookie</c>, so that its next ones go to the same backend; null: nothing.</summary>
    internal string? NewCookie { get; init; }

    /// <summary>Why not, when <see cref="Kind"/> is Deny.</summary>
    internal ProxyFailure Failure { get; private init; }

    /// <summary>A few words on <see cref="Failure"/>; constant text, so that saying it costs nothing.</summary>
    internal string? Detail { get; private init; }

    /// <summary>Through a tunnel; the peer has to prove the destination's identity.</summary>
    /// <param name="tunnel">The destination workload's address and the tunnel port.</param>
    /// <param name="target">The destination workload's address and the application's port.</param>
    /// <param name="destination">The destination workload.</param>
    /// <param name="service">The Service that was addressed, if any.</param>
    internal static OutboundRoute Tunnel(in SocketEndPoint tunnel, in SocketEndPoint target, WorkloadInfo destination, ServiceInfo? service = null) =>
        new() { Kind = OutboundRouteKind.Tunnel, Dial = tunnel, Target = target, Destination = destination, Service = service };

    /// <summary>To a workload of this node.</summary>
    /// <param name="target">Its address and the application's port.</param>
    /// <param name="destination">The workload.</param>
    /// <param name="service">The Service that was addressed, if any.</param>
    internal static OutboundRoute Local(in SocketEndPoint target, WorkloadInfo destination, ServiceInfo? service = null) =>
        new() { Kind = OutboundRouteKind.Local, Dial = target, Target = target, Destination = destination, Service = service };

    /// <summary>In plaintext.</summary>
    /// <param name="target">Where to.</param>
    /// <param name="destination">The workload there, when it is known but not in the mesh.</param>
    /// <param name="service">The Service that was addressed, if any.</param>
    internal static OutboundRoute Passthrough(in SocketEndPoint target, WorkloadInfo? destination = null, ServiceInfo? service = null) =>
        new() { Kind = OutboundRouteKind.Passthrough, Dial = target, Target = target, Destination = destination, Service = service };

    /// <summary>Each request by itself.</summary>
    /// <param name="destination">The Service's address and port.</param>
    /// <param name="service">The Service that was addressed.</param>
    /// <param name="applicationProtocol">By what its requests are read.</param>
    internal static OutboundRoute Routed(in SocketEndPoint destination, ServiceInfo service, string applicationProtocol) =>
        new() { Kind = OutboundRouteKind.Routed, Dial = destination, Target = destination, Service = service, ApplicationProtocol = applicationProtocol };

    /// <summary>Not at all: the connection is reset.</summary>
    /// <param name="failure">Why: NoServicePort, NoBackend, NoRoute, ...</param>
    /// <param name="detail">A few constant words.</param>
    /// <param name="service">The Service that was addressed, if any.</param>
    internal static OutboundRoute Deny(ProxyFailure failure, string detail, ServiceInfo? service = null) =>
        new() { Kind = OutboundRouteKind.Deny, Failure = failure, Detail = detail, Service = service };
}
