using System.Net;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>Endpoints of a service (discovery.k8s.io/v1).</summary>
internal sealed record EndpointSliceObject(ObjectMeta Meta) : MeshObject(ObjectKind.EndpointSlice, Meta)
{
    /// <summary>Label that names the service.</summary>
    public const string ServiceLabel = "kubernetes.io/service-name";

    public required string Service { get; init; }

    /// <summary>Addresses of the endpoints that are ready.</summary>
    public EquatableArray<IPAddress> Addresses { get; init; }

    /// <summary>Addresses of the endpoints that are ending and still answer: who is sent to while none is ready.</summary>
    public EquatableArray<IPAddress> Draining { get; init; }

    public EquatableArray<EndpointPort> Ports { get; init; }

    /// <summary>A port of all endpoints of the slice.</summary>
    internal sealed record EndpointPort(string Name, ushort Port, TransportProtocol Protocol);
}
