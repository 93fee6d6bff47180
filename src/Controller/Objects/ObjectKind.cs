namespace Culvert.Controller.Objects;

/// <summary>The kinds of objects the controller takes.</summary>
internal enum ObjectKind
{
    Namespace,
    Service,
    EndpointSlice,
    Workload,
    AuthorizationPolicy,
    PeerAuthentication,
    MeshConfig,
    UDPRoute,
    NetworkPolicy,
}
