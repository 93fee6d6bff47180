using Culvert.Core;
using Culvert.Http2;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>Where the requests of one client's connection go, and what becomes of them and their responses on the way. Belongs to its loop's thread.</summary>
/// <param name="client">The client's connection.</param>
/// <param name="directory">Routes and addresses.</param>
/// <param name="version">What the client speaks.</param>
internal sealed class RequestRouting(ProxyConnectionInfo client, IProxyDirectory directory, HttpKind version)
{
    private readonly HeadChanges _requests = new();
    private readonly HeadChanges _responses = new();

    /// <summary>The client's connection.</summary>
    internal ProxyConnectionInfo Client => client;

    /// <summary>By which connections a request may go.</summary>
    /// <param name="route">Where it goes.</param>
    internal ServerKey KeyOf(in OutboundRoute route) => ServerKey.Of(client, route);

    /// <summary>Finds where each request goes.</summary>
    internal RequestRouter Router { get; } = new(client, directory, version, Random.Shared);

    /// <summary>What a request's route answers it with (<see cref="RequestDirection.IsAnswered"/>); valid until the next.</summary>
    /// <param name="request">The request's head.</param>
    /// <param name="direction">What was found for it.</param>
    /// <param name="now">When.</param>
    internal HeaderList Answer(HeaderList request, in RequestDirection direction, DateTimeOffset now) =>
        direction.IsPreflight ? CorsHeaders.AnswerPreflight(request, direction, now) : ForClient(Redirection.Of(request, direction.Hit!, client.Destination.Port, now), direction);

    /// <summary>A request as its server gets it; valid until the next.</summary>
    internal HeaderList ForServer(HeaderList request, in RequestDirection direction) => _requests.OfRequest(request, direction.Hit, direction.Backend);

    /// <summary>A response as its client gets it; valid until the next.</summary>
    internal HeaderList ForClient(HeaderList response, in RequestDirection direction) => _responses.OfResponse(response, direction);
}
