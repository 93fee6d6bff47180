using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>What requests must have in common to go by one connection: who sends them, as whom, and where they go.</summary>
/// <param name="Source">The workload that sends them, by its uid.</param>
/// <param name="Address">Its address, without a port.</param>
/// <param name="Space">Where its connections are captured.</param>
/// <param name="Kind">How they go on.</param>
/// <param name="Target">The application's address and port.</param>
/// <param name="Destination">The workload there, by its uid; null outside the mesh.</param>
/// <param name="Service">The Service that they were sent to as its backend.</param>
internal readonly record struct ServerKey(string? Source, SocketEndPoint Address, PodSpace? Space, OutboundRouteKind Kind, SocketEndPoint Target, string? Destination, NamespacedName? Service)
{
    /// <summary>That of a request.</summary>
    /// <param name="client">Its client's connection.</param>
    /// <param name="route">Where it goes.</param>
    internal static ServerKey Of(in ProxyConnectionInfo client, in OutboundRoute route) =>
        new(client.SourceWorkload?.Uid, client.Source.WithPort(0), client.SourceSpace, route.Kind, route.Target, route.Destination?.Uid, route.Service?.Name);
}
