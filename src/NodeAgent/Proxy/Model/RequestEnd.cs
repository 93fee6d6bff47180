using Culvert.Core;

namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>How a request has ended.</summary>
/// <param name="Status">The status of its response, 101 (a change of protocol) or 200 to 999; 0 when there was none, or not all of it; of an answer to a caller of gRPC in the server's place, the status for which it stands.</param>
/// <param name="Duration">From when its head had come to when the last of the response had been passed on; zero, or how long it waited, when no server was asked.</param>
/// <param name="Error">When the proxy has answered in the server's place, what kind of error that was (RFC 9209, section 2.3); null otherwise.</param>
/// <param name="Grpc">What a caller of gRPC was told.</param>
internal readonly record struct RequestEnd(int Status, TimeSpan Duration, string? Error, GrpcStatus Grpc = GrpcStatus.NoCall)
{
    /// <summary>The rule that had it; null: requests of its connection are not routed, or none had it.</summary>
    internal HttpRouteHit? Hit { get; init; }

    /// <summary>The Service that it went to last; null: none, or what the rule names is no Service.</summary>
    internal NamespacedName? Backend { get; init; }

    /// <summary>What responses that are kept had to do with it.</summary>
    internal CacheResult Cache { get; init; }
}
