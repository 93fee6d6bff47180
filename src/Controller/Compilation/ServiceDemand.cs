using System.Net;
using Culvert.Controller.Objects;
using Culvert.Core;

namespace Culvert.Controller.Compilation;

/// <summary>
/// How much a Service asks for, counted from what it is compiled of, without that. Backends that are named twice count twice, and one whose workload has a long name counts once more for each 64 letters: nodes
/// are told the name with each.
/// </summary>
internal sealed class ServiceDemand
{
    private const int LettersOfOne = 64;
    private readonly ServiceObject _service;
    private readonly long _prefixes;
    private readonly Dictionary<(ushort Port, TransportProtocol Protocol), long> _backends = [];

    /// <summary>Counts.</summary>
    /// <param name="service">The service.</param>
    /// <param name="slices">Its slices.</param>
    /// <param name="selected">The workloads that it selects.</param>
    /// <param name="ownerOf">The workload that has an address, or null.</param>
    public ServiceDemand(ServiceObject service, IEnumerable<EndpointSliceObject> slices, IEnumerable<WorkloadObject> selected, Func<IPAddress, WorkloadObject?> ownerOf)
    {
        _service = service;
        long workloads = 0;
        long bySelector = selected.Where(w => !w.IsPod).Sum(w => w.Addresses.Count * CountOf(w));
        Dictionary<(string Name, TransportProtocol Protocol), long> bySlices = [];
        foreach (EndpointSliceObject slice in slices)
        {
            long endpoints = slice.Endpoints.Sum(e => CountOf(ownerOf(e.Address)));
            workloads += endpoints;
            foreach (EndpointSliceObject.EndpointPort port in slice.Ports) bySlices[(port.Name, port.Protocol)] = bySlices.GetValueOrDefault((port.Name, port.Protocol)) + endpoints;
        }
        foreach (ServicePortObject port in service.Ports) _backends[(port.Port, port.Protocol)] = bySlices.GetValueOrDefault((port.Name, port.Protocol)) + bySelector;
        OwnBackends = _backends.Values.Sum();
        _prefixes = PrefixesOf(service);
        OwnPrefixes = _prefixes * (workloads + bySelector);
    }

    // A workload is told of as many lists as there are sets of entries that hold for one port together.
    private static long PrefixesOf(ServiceObject service)
    {
        EquatableArray<TrustedProxies> trusted = service.Meta.TrustedProxies;
        if (trusted.IsEmpty) return 0;
        HashSet<string> seen = new(StringComparer.Ordinal);
        long prefixes = 0;
        foreach (ServicePortObject port in service.Ports)
        {
            (string key, int[] covering) = ProxyProtocolCompiler.Covering(trusted, port.Port, port.Protocol);
            if (seen.Add(key)) prefixes += covering.Sum(i => (long)trusted[i].From.Count);
        }
        return prefixes;
    }

    private static long CountOf(WorkloadObject? workload) => 1 + (workload is null ? 0 : (workload.Meta.Namespace.Length + 1 + workload.Meta.Name.Length) / LettersOfOne);

    /// <summary>Entries of <c>cv_service</c>.</summary>
    public long Ports => (long)_service.Ports.Count * _service.ClusterIps.Count;

    /// <summary>Backends of all ports, without routes.</summary>
    public long OwnBackends { get; }

    /// <summary>Prefixes of load balancers that it has its workloads trust, each counted for each of them.</summary>
    public long OwnPrefixes { get; }

    /// <summary>The same for backends that routes give it.</summary>
    public long RoutedPrefixes(long backends) => _prefixes * backends;

    /// <summary>Backends of a port, without routes.</summary>
    public long BackendsOf(ushort port, TransportProtocol protocol) => _backends.GetValueOrDefault((port, protocol));

    /// <summary>Backends that routes give its ports.</summary>
    /// <param name="routes">The routes that name it as a parent, the one that counts first.</param>
    /// <param name="requests">The routes of requests to it that count before them.</param>
    /// <param name="find">What another Service asks for.</param>
    public long RoutedBackends(IReadOnlyCollection<RouteObject> routes, IReadOnlyCollection<HttpRouteObject> requests, Func<NamespacedName, ServiceDemand?> find)
    {
        if (routes.Count == 0) return 0;
        long routed = 0;
        foreach (ServicePortObject port in _service.Ports)
        {
            if (RouteCompiler.Find(routes, requests, _service.Meta.FullName, port.ToPort()) is not { DividesRequests: false } route) continue;
            routed += route.Backends.Sum(b => find(new(route.Meta.Namespace, b.Service))?.BackendsOf(b.Port ?? port.Port, port.Protocol) ?? 0);
        }
        return routed;
    }
}
