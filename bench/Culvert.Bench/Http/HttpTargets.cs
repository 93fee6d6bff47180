using Culvert.Bench.Sides;

namespace Culvert.Bench.Http;

/// <summary>Where a client calls what one side reads as HTTP: an address, with a port for each that it may speak.</summary>
/// <param name="Http1">HTTP/1.1.</param>
/// <param name="Http2">HTTP/2 without TLS, by prior knowledge.</param>
/// <param name="Grpc">The same, to an application that answers gRPC.</param>
internal sealed record HttpTargets(Target Http1, Target Http2, Target Grpc)
{
    public static HttpTargets Of(Target target, int http1, int http2, int grpc) =>
        new(target with { HttpPort = http1 }, target with { HttpPort = http2 }, target with { HttpPort = grpc });
}
