using Culvert.Core;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>
/// What the proxy asks about addresses. Called on every loop at once and once or twice per connection: implementations read an
/// immutable snapshot, take no lock and allocate nothing.
/// </summary>
internal interface IProxyDirectory
{
    /// <summary>The enrolled workload of this node that has the address (the port does not count); null when there is none.</summary>
    WorkloadInfo? FindLocalWorkload(in SocketEndPoint address);

    /// <summary>Where a captured connection goes.</summary>
    /// <param name="source">The workload that opened it; null for plaintext from outside the mesh.</param>
    /// <param name="sourceAddress">Its address and port.</param>
    /// <param name="destination">Where it wanted to go: a workload, a Service, or something outside the mesh.</param>
    /// <param name="protocol">TCP or UDP.</param>
    /// <param name="drawn">The backend that has been drawn for it, and no other is taken; null: one is chosen.</param>
    OutboundRoute Resolve(WorkloadInfo? source, in SocketEndPoint sourceAddress, in SocketEndPoint destination, TransportProtocol protocol, SocketEndPoint? drawn = null);

    /// <summary>The routes of requests to a Service port, as they hold for a workload; null when there are none. Asked for each request.</summary>
    /// <param name="source">The workload that asks; null from outside the mesh.</param>
    /// <param name="destination">The Service's address and port.</param>
    HttpRouteTable? FindRoutes(WorkloadInfo? source, in SocketEndPoint destination);

    /// <summary>Where a request goes whose route leads to a Service port: to one of its backends, whatever leads there otherwise.</summary>
    /// <param name="source">The workload that asks; null from outside the mesh.</param>
    /// <param name="client">Its address and port.</param>
    /// <param name="service">The Service, which need not have an address.</param>
    /// <param name="port">Its port.</param>
    /// <param name="traits">What of the request has a say.</param>
    /// <returns>Deny where there is no such port (NoServicePort), or it has no backend of the client's family (NoBackend).</returns>
    OutboundRoute ResolveBackend(WorkloadInfo? source, in SocketEndPoint client, NamespacedName service, ushort port, in RequestTraits traits);

    /// <summary>Where a request goes that asks a backend whether it is well: to that one and no other. What it does is counted nowhere.</summary>
    /// <param name="source">The workload in whose name it is asked.</param>
    /// <param name="asked">The backend.</param>
    /// <returns>Deny (NoBackend) where it is no backend of its port any more.</returns>
    OutboundRoute ResolveCheck(WorkloadInfo source, BackendRequests asked);

    /// <summary>Who is at an address, for people: the workload that has it (the port does not count) or the Service whose address and port it is. Chooses no backend.</summary>
    (WorkloadInfo? Workload, ServiceInfo? Service) WhoIs(in SocketEndPoint destination, TransportProtocol protocol);

    /// <summary>The Service that has a virtual address and port whose backends include a target; null when there is none.</summary>
    ServiceInfo? FindService(in SocketEndPoint address, in SocketEndPoint target, TransportProtocol protocol);

    /// <summary>
    /// The application protocol that Services declare for their ports with a backend at a target (address and port), by the first Service by name that declares one; null when none does: bytes.
    /// </summary>
    string? FindApplicationProtocol(in SocketEndPoint target, TransportProtocol protocol);

    /// <summary>
    /// Which responses of a port of a workload of this node (address and port) are kept for later requests, by the first Service by name of its namespace that leads there and says so; null: none are.
    /// </summary>
    ResponseCaching? FindResponseCaching(in SocketEndPoint target);

    /// <summary>Whether a session to the destination could still be given this route.</summary>
    /// <param name="source">The workload whose session it is; null for one from outside the mesh.</param>
    /// <param name="route">A route, as <see cref="Resolve"/> gave it.</param>
    /// <param name="destination">What it was given for.</param>
    /// <param name="protocol">TCP or UDP.</param>
    bool IsCurrent(WorkloadInfo? source, in OutboundRoute route, in SocketEndPoint destination, TransportProtocol protocol);

    /// <summary>Whether the address (the port does not count) belongs to a workload with this identity on another node: those of this node are not behind a peer.</summary>
    bool IsElsewhere(in SocketEndPoint address, SpiffeId identity);
}
