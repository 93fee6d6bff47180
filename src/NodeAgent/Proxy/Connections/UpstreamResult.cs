using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy.Connections;

/// <summary>The outcome of connecting to the other end.</summary>
/// <param name="Transport">The end; null when there is none.</param>
/// <param name="Failure">Why not.</param>
/// <param name="Detail">More words on it, or null.</param>
/// <param name="TlsGroup">The key exchange group of the tunnel that leads there, as TLS names it; null: no tunnel.</param>
internal readonly record struct UpstreamResult(ITransport? Transport, ProxyFailure Failure = ProxyFailure.None, string? Detail = null, string? TlsGroup = null);
