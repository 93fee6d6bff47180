using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>How traffic to a Service is treated (culvert.dev TrafficPolicy; specs.smi.nginx.com CircuitBreaker, which counts where there is no TrafficPolicy).</summary>
/// <param name="Meta">Its metadata.</param>
/// <param name="Service">The Service, of its namespace.</param>
/// <param name="PolicyKind">Which of both it is.</param>
internal sealed record TrafficPolicyObject(ObjectMeta Meta, string Service, ObjectKind PolicyKind = ObjectKind.TrafficPolicy) : MeshObject(PolicyKind, Meta)
{
    /// <summary>How ports are balanced; empty: nothing is said of it.</summary>
    public EquatableArray<PortLoadBalancing> LoadBalancing { get; init; }

    /// <summary>Ports that want PROXY protocol headers; empty: nothing is said of it.</summary>
    public ProxyProtocolRequest ProxyProtocol { get; init; }

    /// <summary>Ports that take PROXY protocol headers; empty: nothing is said of it.</summary>
    public EquatableArray<TrustedProxies> TrustedProxies { get; init; }

    /// <summary>What holds for requests; null: nothing is said of it.</summary>
    public RequestSettings? Requests { get; init; }

    /// <summary>The field that names the fallback.</summary>
    public IReadOnlyList<string> FallbackField => Kind == ObjectKind.CircuitBreaker ? ["fallback", "service"] : ["outlierDetection", "fallback", "name"];

    /// <summary>Whether it counts before another for the same Service.</summary>
    public (ObjectKind Kind, NamespacedName Name) Rank => RankOf(Key);

    /// <summary>The rank of the one that has this key; the lowest counts.</summary>
    public static (ObjectKind Kind, NamespacedName Name) RankOf(ObjectKey key) => (key.Kind, new NamespacedName(key.Namespace, key.Name));

    /// <summary>The Service by its full name.</summary>
    public NamespacedName Target => new(Meta.Namespace, Service);

    /// <summary>The ports of the Service that it names, each with the field that does.</summary>
    public IEnumerable<(string Field, TransportPort Port)> NamedPorts =>
        LoadBalancing.Select(b => ("loadBalancing", b.Port)).Concat(ProxyProtocol.Ports.Select(p => ("proxyProtocol", p))).Concat(TrustedProxies.SelectMany(t => t.Ports).Select(p => ("acceptProxyProtocol", p)))
            .Where(p => p.Item2.Port != 0);

    /// <summary>The fields in whose place the Service has annotations that say something else, and do not count.</summary>
    /// <param name="service">The Service, without what is said here.</param>
    public IEnumerable<string> Covered(ServiceObject service)
    {
        if (!LoadBalancing.IsEmpty && !service.Meta.LoadBalancing.IsEmpty && LoadBalancing != service.Meta.LoadBalancing) yield return "loadBalancing";
        if (!ProxyProtocol.IsEmpty && !service.Meta.ProxyProtocol.IsEmpty && ProxyProtocol != service.Meta.ProxyProtocol) yield return "proxyProtocol";
        if (!TrustedProxies.IsEmpty && !service.Meta.TrustedProxies.IsEmpty && TrustedProxies != service.Meta.TrustedProxies) yield return "acceptProxyProtocol";
    }

    /// <summary>The Service with what is said here in the place of what its annotations say of the same.</summary>
    public ServiceObject ApplyTo(ServiceObject service) => service with
    {
        Requests = Requests,
        Meta = service.Meta with
        {
            LoadBalancing = LoadBalancing.IsEmpty ? service.Meta.LoadBalancing : LoadBalancing,
            ProxyProtocol = ProxyProtocol.IsEmpty ? service.Meta.ProxyProtocol : ProxyProtocol,
            TrustedProxies = TrustedProxies.IsEmpty ? service.Meta.TrustedProxies : TrustedProxies,
        },
    };
}
