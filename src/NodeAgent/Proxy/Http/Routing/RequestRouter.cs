using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Finds where the requests of one client's connection go: by the routes that are in force when each comes. Belongs to its loop's thread.</summary>
/// <param name="client">The client's connection.</param>
/// <param name="directory">Routes and addresses.</param>
/// <param name="version">What the client speaks.</param>
/// <param name="random">Draws by weight.</param>
internal sealed class RequestRouter(ProxyConnectionInfo client, IProxyDirectory directory, HttpKind version, Random random)
{
    // So often is drawn again when what has failed is drawn.
    private const int MostDraws = 4;

    private readonly HeaderListFields _fields = new();

    /// <summary>Finds where a request goes. Its path is normal when this returns. Allocates nothing for one that goes on.</summary>
    /// <param name="request">The request's head.</param>
    internal RequestDirection Find(HeaderList request)
    {
        if (!RequestPath.TryNormalize(request)) return new RequestDirection(null, null, default, RequestRefusal.BadPath);
        if (directory.FindRoutes(client.SourceWorkload, client.Destination) is not { } routes) return Unrouted();
        if (!routes.TryFind(new RoutedRequest(request.Method, request.Path, _fields.Of(request)), out HttpRouteHit? hit))
            return new RequestDirection(null, null, default, RequestRefusal.NoRoute(client.Service));
        if (hit.Rule.Filters.Cors is { } cors) return FindAcrossOrigins(hit, cors, request);
        return hit.Rule.Filters.Redirect is null ? Choose(hit, request, tried: null) : new RequestDirection(hit, null, default, null);
    }

    /// <summary>Finds where a request goes that has failed.</summary>
    /// <param name="before">Where it went.</param>
    /// <param name="request">Its head, as it came.</param>
    internal RequestDirection FindAnother(in RequestDirection before, HeaderList request)
    {
        if (before.Hit is not { } hit) return Find(request);
        TriedBackends tried = (before.Tried ?? new TriedBackends()).With(before.Route.Target);
        return Choose(hit, request, tried) with { AllowedOrigin = before.AllowedOrigin, Tried = tried };
    }

    /// <summary>Finds another backend of the same Service port for a request that others have already.</summary>
    /// <param name="before">Where it went first.</param>
    /// <param name="request">Its head, as it came.</param>
    /// <param name="tried">The backends that have it, or had it.</param>
    /// <returns>Null when there is none: not for it, and not just now.</returns>
    internal RequestDirection? FindBeside(in RequestDirection before, HeaderList request, TriedBackends tried)
    {
        if (before is not { Hit: { } hit, Backend: { } backend }) return null;
        RequestDirection found = To(hit, backend, new RequestTraits(_fields.Of(request), tried));
        bool isOther = found.Refusal is null && !tried.Contains(found.Route.Target) && found.Route.Requests?.Port == before.Route.Requests?.Port;
        return isOther ? found with { AllowedOrigin = before.AllowedOrigin, Tried = tried } : null;
    }

    /// <summary>Finds where a copy of a request goes.</summary>
    /// <param name="mirror">Its mirror.</param>
    internal RequestDirection FindMirror(HttpRouteMirror mirror) => Checked(null, null, directory.ResolveBackend(client.SourceWorkload, client.Source, mirror.Service, mirror.Port, default));

    // What the response is to say is found while there is the request: its head may be gone by then.
    private RequestDirection FindAcrossOrigins(HttpRouteHit hit, HttpCors cors, HeaderList request)
    {
        bool isPreflight = CorsHeaders.IsPreflight(request);
        RequestDirection found = isPreflight || hit.Rule.Filters.Redirect is not null ? new RequestDirection(hit, null, default, null) : Choose(hit, request, tried: null);
        return found with { IsPreflight = isPreflight, AllowedOrigin = CorsHeaders.AllowedOrigin(cors, request) };
    }

    // The routes have gone meanwhile: what they were for is as without. In the same moment they may have come back.
    private RequestDirection Unrouted()
    {
        OutboundRoute route = directory.Resolve(client.SourceWorkload, client.Source, client.Destination, TransportProtocol.Tcp);
        return route.Kind == OutboundRouteKind.Routed ? new RequestDirection(null, null, default, RequestRefusal.Of(ProxyFailure.NoRoute)) : Checked(null, null, route);
    }

    private RequestDirection Choose(HttpRouteHit hit, HeaderList request, TriedBackends? tried)
    {
        RequestTraits traits = new(_fields.Of(request), tried);
        RequestDirection chosen = Draw(hit, traits);
        for (int draws = 1; draws < MostDraws && HasFailed(chosen, tried); draws++) chosen = Draw(hit, traits);
        for (int i = 0; i < hit.Rule.Backends.Count && HasFailed(chosen, tried); i++)
        {
            if (hit.Rule.Backends[i].Weight > 0) chosen = To(hit, hit.Rule.Backends[i], traits);
        }

        return chosen;
    }

    private static bool HasFailed(in RequestDirection chosen, TriedBackends? tried) => tried is not null && chosen.Refusal is null && tried.Contains(chosen.Route.Target);

    private RequestDirection Draw(HttpRouteHit hit, in RequestTraits traits) =>
        DrawBackend(hit.Rule) is { } backend ? To(hit, backend, traits) : new RequestDirection(hit, null, default, RequestRefusal.NoBackends(hit));

    private RequestDirection To(HttpRouteHit hit, HttpRouteBackend backend, in RequestTraits traits)
    {
        if (backend.Service is not { } service) return new RequestDirection(hit, backend, default, RequestRefusal.BadBackend(hit, backend));
        return Checked(hit, backend, directory.ResolveBackend(client.SourceWorkload, client.Source, service, backend.Port, traits));
    }

    private HttpRouteBackend? DrawBackend(HttpRouteRule rule)
    {
        if (rule.Backends is [{ Weight: > 0 } only]) return only;
        long total = 0;
        foreach (HttpRouteBackend backend in rule.Backends) total += backend.Weight;
        if (total == 0) return null;
        long drawn = random.NextInt64(total);
        foreach (HttpRouteBackend backend in rule.Backends)
        {
            drawn -= backend.Weight;
            if (drawn < 0) return backend;
        }

        return null;
    }

    private RequestDirection Checked(HttpRouteHit? hit, HttpRouteBackend? backend, in OutboundRoute route)
    {
        RequestRefusal? refusal = route.Kind == OutboundRouteKind.Deny
            ? hit is not null && route.Failure == ProxyFailure.NoServicePort ? RequestRefusal.BadBackend(hit, backend!) : RequestRefusal.Of(route)
            : null;
        return new RequestDirection(hit, backend, route, refusal, VersionFor(route));
    }

    // A client may speak HTTP/2 at a port of HTTP/1.1: a backend that says of itself what the port says, or nothing, gets what the client speaks.
    private HttpKind VersionFor(in OutboundRoute route) =>
        HttpKinds.Of(route.ApplicationProtocol) is var declared && declared != HttpKind.None && declared != client.Http ? declared : version;
}
