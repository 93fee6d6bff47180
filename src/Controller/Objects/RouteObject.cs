using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>
/// What spreads the traffic to ports of Services over the ports of other Services: a UDPRoute or TCPRoute of the Gateway API (gateway.networking.k8s.io) whose parents are Services, or a TrafficSplit of
/// SMI.
/// </summary>
/// <param name="RouteKind">Which of them.</param>
/// <param name="Meta">Its metadata.</param>
internal sealed record RouteObject(ObjectKind RouteKind, ObjectMeta Meta) : MeshObject(RouteKind, Meta)
{
    /// <summary>The Service ports it holds for.</summary>
    public EquatableArray<Parent> Parents { get; init; }

    /// <summary>Where to; never empty.</summary>
    public EquatableArray<Backend> Backends { get; init; }

    /// <summary>The HTTPRouteGroups of its namespace that say which requests a TrafficSplit divides, where those of others stay with its root; empty: it divides connections.</summary>
    public EquatableArray<string> Groups { get; init; }

    /// <summary>Whether it divides requests.</summary>
    public bool DividesRequests => !Groups.IsEmpty;

    /// <summary>The protocol of the ports it holds for; null: both.</summary>
    public TransportProtocol? Protocol => RouteKind switch
    {
        ObjectKind.UDPRoute => TransportProtocol.Udp,
        ObjectKind.TCPRoute => TransportProtocol.Tcp,
        _ => null,
    };

    /// <summary>
    /// In the order in which routes that mean the same port count: those of the Gateway API before TrafficSplits, then the oldest, as the Gateway API resolves conflicts, then the first by name. Which of
    /// several files is older nobody knows.
    /// </summary>
    public static IEnumerable<RouteObject> ByPrecedence(IEnumerable<RouteObject> routes) =>
        routes.OrderBy(r => r.RouteKind == ObjectKind.TrafficSplit).ThenBy(r => r.Meta.Origin.Created ?? DateTimeOffset.MaxValue).ThenBy(r => r.Meta.FullName);

    /// <summary>Whether a port of a Service of its namespace is meant. What divides requests means only ports of which the Service says that they speak HTTP: it can't name the others as those that it does not mean.</summary>
    public bool Covers(string service, ServicePort port) => (Protocol is null || Protocol == port.Protocol) && (!DividesRequests || CarriesRequests(port)) && Parents.Any(p => p.Service == service && p.Covers(port));

    private static bool CarriesRequests(ServicePort port) => port.Protocol == TransportProtocol.Tcp && HttpKinds.Of(port.AppProtocol) != HttpKind.None;

    /// <summary>A Service of the route's namespace; without number and name all of its ports of the protocol.</summary>
    internal sealed record Parent(string Service, ushort? Port, string? PortName)
    {
        /// <summary>Which of the route's parents it is, as they are written; from 0.</summary>
        public int Index { get; init; }

        /// <summary>Whether a port of the Service is meant, if it is of the right protocol.</summary>
        public bool Covers(ServicePort port) => (Port is null || Port == port.Port) && (PortName is null || PortName == port.Name);
    }

    /// <summary>A port of a Service of the route's namespace, with its share against the others; without number the port of the same number as the parent's.</summary>
    internal sealed record Backend(string Service, ushort? Port, int Weight);
}
