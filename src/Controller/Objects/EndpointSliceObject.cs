using System.Net;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>Endpoints of a service (discovery.k8s.io/v1).</summary>
internal sealed record EndpointSliceObject(ObjectMeta Meta) : MeshObject(ObjectKind.EndpointSlice, Meta)
{
    /// <summary>Label that names the service.</summary>
    public const string ServiceLabel = "kubernetes.io/service-name";

    public required string Service { get; init; }

    /// <summary>The endpoints that are ready.</summary>
    public EquatableArray<Endpoint> Ready { get; init; }

    /// <summary>The endpoints that are ending and still answer: who is sent to while none is ready.</summary>
    public EquatableArray<Endpoint> Draining { get; init; }

    /// <summary>All endpoints that can be sent to.</summary>
    public IEnumerable<Endpoint> Endpoints => Ready.Concat(Draining);

    public EquatableArray<EndpointPort> Ports { get; init; }

    /// <summary>An address of an endpoint.</summary>
    /// <param name="Address">The address.</param>
    /// <param name="Node">The node that it is on; null: not said.</param>
    /// <param name="Zones">The zones whose clients are to be sent to it (topology hints); empty: not said.</param>
    internal sealed record Endpoint(IPAddress Address, string? Node, EquatableArray<string> Zones);

    /// <summary>A port of all endpoints of the slice.</summary>
    internal sealed record EndpointPort(string Name, ushort Port, TransportProtocol Protocol);
}
