using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Http.Routing;

/// <summary>The outcome of connecting to a server for requests that are routed.</summary>
/// <param name="Server">The connection; null when there is none.</param>
/// <param name="Failure">Why not.</param>
internal readonly record struct ServerConnection(RoutedServer? Server, ProxyFailure Failure = ProxyFailure.None);
