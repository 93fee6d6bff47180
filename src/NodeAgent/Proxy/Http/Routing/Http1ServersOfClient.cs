using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Connections to servers, for the requests of one client. Belongs to its loop's thread.</summary>
/// <param name="servers">All of the loop.</param>
/// <param name="client">The client's connection.</param>
internal sealed class Http1ServersOfClient(Http1Servers servers, ProxyConnectionInfo client)
{
    /// <summary>One that waits for a request; null when none does.</summary>
    internal RoutedServer? TryTake(in OutboundRoute route) => servers.TryTake(ServerKey.Of(client, route));

    /// <summary>Makes one.</summary>
    internal ValueTask<ServerConnection> ConnectAsync(in OutboundRoute route) => servers.ConnectAsync(client, route);
}
