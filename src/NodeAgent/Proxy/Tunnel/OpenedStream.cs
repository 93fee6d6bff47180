using Culvert.NodeAgent.Proxy.Relay;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>The outcome of asking for a CONNECT stream.</summary>
/// <param name="Relay">The stream, answered with 200; null when there is none.</param>
/// <param name="Failure">Why not.</param>
/// <param name="Detail">More words on it, or null.</param>
internal readonly record struct OpenedStream(StreamRelay? Relay, ProxyFailure Failure, string? Detail);
