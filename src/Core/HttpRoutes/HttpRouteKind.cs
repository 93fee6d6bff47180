namespace Culvert.Core;

/// <summary>The kinds of routes of requests, in the order in which they count where several are for one port (GEP-1294).</summary>
public enum HttpRouteKind
{
    /// <summary>GRPCRoute: matches are about services and methods of gRPC.</summary>
    Grpc,

    /// <summary>HTTPRoute.</summary>
    Http,
}
