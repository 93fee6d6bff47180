using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>The outcome of connecting to a server for requests that are routed.</summary>
/// <param name="Server">The connection; null when there is none.</param>
/// <param name="Failure">Why not.</param>
internal readonly record struct ConnectOutcome(RoutedServer? Server, ProxyFailure Failure = ProxyFailure.None)
{
    /// <summary>Nobody waits for it any more: it is kept for the next request, or what its failure says of the backend is counted.</summary>
    /// <param name="route">Where it leads, or was to.</param>
    internal void GiveUp(in OutboundRoute route)
    {
        if (Server is { } server) server.Return(isReusable: true);
        else route.Requests?.Report(BackendTry.OutcomeOf(Failure));
    }
}
