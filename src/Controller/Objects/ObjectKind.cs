namespace Culvert.Controller.Objects;

/// <summary>The kinds of objects the controller takes.</summary>
internal enum ObjectKind
{
    Namespace,
    Node,
    Service,
    EndpointSlice,
    Workload,
    AuthorizationPolicy,
    PeerAuthentication,
    MeshConfig,
    UDPRoute,
    NetworkPolicy,
    TrafficPolicy,
    TCPRoute,
    TrafficSplit,
    TrafficTarget,

    /// <summary>TCPRoute of SMI (specs.smi-spec.io), which is another kind than the Gateway API's.</summary>
    SmiTCPRoute,

    /// <summary>UDPRoute of SMI.</summary>
    SmiUDPRoute,

    HTTPRoute,
    GRPCRoute,
    RequestAuthentication,
    RateLimit,

    /// <summary>RateLimit of NGINX Service Mesh (specs.smi.nginx.com).</summary>
    NginxRateLimit,

    /// <summary>HTTPRouteGroup of SMI (specs.smi-spec.io).</summary>
    HTTPRouteGroup,

    /// <summary>CircuitBreaker of NGINX Service Mesh.</summary>
    CircuitBreaker,

    /// <summary>The first of those that are known and never in force (<see cref="Schema.UnsupportedKind"/>).</summary>
    TLSRoute,
}
