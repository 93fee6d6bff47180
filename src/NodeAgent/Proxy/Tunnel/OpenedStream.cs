using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>The outcome of asking for a CONNECT stream.</summary>
/// <typeparam name="TStream">What carries the stream.</typeparam>
/// <param name="Stream">The stream, answered with 200; null when there is none.</param>
/// <param name="Failure">Why not.</param>
/// <param name="Detail">More words on it, or null.</param>
/// <param name="TlsGroup">The key exchange group of the tunnel, as TLS names it; null where there is no stream.</param>
internal readonly record struct OpenedStream<TStream>(TStream? Stream, ProxyFailure Failure, string? Detail, string? TlsGroup = null)
    where TStream : class;
