using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Where the requests of one client's connection go, and what becomes of them and their responses on the way. Belongs to its loop's thread.</summary>
/// <param name="client">The client's connection.</param>
/// <param name="router">Finds where each goes.</param>
/// <param name="dialer">Makes connections to servers.</param>
/// <param name="observer">Hears of requests.</param>
internal sealed class Http2Routing(ProxyConnectionInfo client, RequestRouter router, RequestDialer dialer, IProxyObserver observer)
{
    private readonly HeadChanges _requests = new();
    private readonly HeadChanges _responses = new();

    /// <summary>The client's connection.</summary>
    internal ProxyConnectionInfo Client => client;

    /// <summary>Finds where each request goes.</summary>
    internal RequestRouter Router => router;

    /// <summary>Makes connections to servers.</summary>
    internal RequestDialer Dialer => dialer;

    /// <summary>Hears of requests.</summary>
    internal IProxyObserver Observer => observer;

    /// <summary>A request as its server gets it; valid until the next.</summary>
    internal HeaderList Request(HeaderList fields, in RequestDirection direction) => _requests.OfRequest(fields, direction.Hit, direction.Backend);

    /// <summary>A response as its client gets it; valid until the next.</summary>
    internal HeaderList Response(HeaderList fields, in RequestDirection direction) => _responses.OfResponse(fields, direction.Hit, direction.Backend);
}
