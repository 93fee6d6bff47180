using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A TCPRoute or UDPRoute of SMI (specs.smi-spec.io): ports that TrafficTargets name.</summary>
/// <param name="RouteKind">Which of them.</param>
/// <param name="Meta">Its metadata.</param>
internal sealed record SmiRouteObject(ObjectKind RouteKind, ObjectMeta Meta) : MeshObject(RouteKind, Meta)
{
    /// <summary>The destination ports; empty: every one.</summary>
    public EquatableArray<ushort> Ports { get; init; }

    /// <summary>The protocol.</summary>
    public TransportProtocol Protocol => RouteKind == ObjectKind.SmiUDPRoute ? TransportProtocol.Udp : TransportProtocol.Tcp;
}
