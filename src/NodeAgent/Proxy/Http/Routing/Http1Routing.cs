using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Where the requests of one client's connection go, and what becomes of them and their responses on the way. Belongs to its loop's thread.</summary>
/// <param name="client">The client's connection.</param>
/// <param name="router">Finds where each goes.</param>
/// <param name="servers">The connections that they go by.</param>
internal sealed class Http1Routing(ProxyConnectionInfo client, RequestRouter router, Http1Servers servers)
{
    private readonly HeadChanges _requests = new();
    private readonly HeadChanges _responses = new();

    /// <summary>The client's connection.</summary>
    internal ProxyConnectionInfo Client => client;

    /// <summary>Finds where each request goes.</summary>
    internal RequestRouter Router => router;

    /// <summary>The connections to servers.</summary>
    internal ServersOfClient Servers { get; } = servers.For(client);

    /// <summary>A request as its server gets it; valid until the next.</summary>
    internal HeaderList Request(HeaderList fields, in RequestDirection direction) => _requests.OfRequest(fields, direction.Hit, direction.Backend);

    /// <summary>A response as its client gets it; valid until the next.</summary>
    internal HeaderList Response(HeaderList fields, in RequestDirection direction) => _responses.OfResponse(fields, direction.Hit, direction.Backend);
}
