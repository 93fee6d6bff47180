using Culvert.Core;

namespace Culvert.NodeAgent.Mesh;

/// <summary>A Service port whose requests are routed, for one kind of client. Immutable.</summary>
/// <param name="Service">The Service.</param>
/// <param name="ApplicationProtocol">By what its requests are read.</param>
/// <param name="Table">The routes.</param>
internal sealed record RoutedPort(ServiceInfo Service, string ApplicationProtocol, HttpRouteTable Table);
