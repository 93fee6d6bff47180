using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A UDPRoute (gateway.networking.k8s.io) bound to Services: spreads what goes to their UDP ports over the ports of other Services.</summary>
internal sealed record UdpRouteObject(ObjectMeta Meta) : MeshObject(ObjectKind.UDPRoute, Meta)
{
    /// <summary>The Service ports it holds for.</summary>
    public EquatableArray<Parent> Parents { get; init; }

    /// <summary>Where to; never empty.</summary>
    public EquatableArray<Backend> Backends { get; init; }

    /// <summary>A Service of the route's namespace; without number and name all of its UDP ports.</summary>
    internal sealed record Parent(string Service, ushort? Port, string? PortName)
    {
        /// <summary>Whether a port of the Service is meant.</summary>
        public bool Covers(ServicePort port) =>
            port.Protocol == TransportProtocol.Udp && (Port is null || Port == port.Port) && (PortName is null || PortName == port.Name);
    }

    /// <summary>A UDP port of a Service of the route's namespace, with its share against the others.</summary>
    internal sealed record Backend(string Service, ushort Port, int Weight);
}
