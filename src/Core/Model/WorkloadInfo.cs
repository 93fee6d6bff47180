using System.Collections.Immutable;
using System.Net;

namespace Culvert.Core;

/// <summary>One workload (a pod, a machine, a process group) as a node sees it.</summary>
public sealed record WorkloadInfo
{
    /// <summary>Unique and stable for the life of the workload; <c>namespace/name</c> for the folder source.</summary>
    public required string Uid { get; init; }

    /// <summary>Its namespace and name.</summary>
    public required NamespacedName Name { get; init; }

    /// <summary>The service account it runs as.</summary>
    public required string ServiceAccount { get; init; }

    /// <summary>The identity its certificates carry.</summary>
    public required SpiffeId Identity { get; init; }

    /// <summary>The node it is placed on.</summary>
    public required string Node { get; init; }

    /// <summary>Its IPv4 and IPv6 addresses, in declared order.</summary>
    public EquatableArray<IPAddress> Addresses { get; init; }

    /// <summary>Its labels.</summary>
    public ImmutableSortedDictionary<string, string> Labels { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Whether it is in the mesh: captured, given certificates, guarded by policy.</summary>
    public bool Enrolled { get; init; } = true;

    /// <summary>Whether objects have it in the mesh, and it is not <see cref="Enrolled"/> because its node can't capture it. Only filled in for workloads of the node that the snapshot is for.</summary>
    public bool EnrolmentRefused { get; init; }

    /// <summary>
    /// The uid that the API server has given the pod: a pod that follows another of its name has another one. Null for what is no pod, and by a controller of before there was this. Only filled in for workloads of the node
    /// that the snapshot is for.
    /// </summary>
    public string? PodUid { get; init; }

    /// <summary>The object that manages the pod; null where there is none of a known kind, for what is no pod, and by a controller that does not tell it.</summary>
    public WorkloadOwner? Owner { get; init; }

    /// <summary>Whether it is a pod that is about to start on the node that the snapshot is for: it has no address yet that the API server knows.</summary>
    public bool IsStarting => PodUid is not null && Addresses.IsEmpty;

    /// <summary>The mTLS mode in force for it.</summary>
    public MtlsMode MtlsMode { get; init; }

    /// <summary>Name of the host-side interface (veth) where it is known beforehand.</summary>
    public string? HostInterface { get; init; }

    /// <summary>Name or path of its network namespace where it is known beforehand.</summary>
    public string? NetworkNamespace { get; init; }

    /// <summary>
    /// The policies selected for it, mesh-wide ones first, then its namespace's, each by name.
    /// Only filled in for workloads of the node that the snapshot is for.
    /// </summary>
    public EquatableArray<NamespacedName> PolicyNames { get; init; }

    /// <summary>The NetworkPolicies of its namespace that select it, by name. Only filled in for workloads of the node that the snapshot is for.</summary>
    public EquatableArray<NamespacedName> NetworkPolicyNames { get; init; }

    /// <summary>The RequestAuthentications that select it, mesh-wide ones first, then its namespace's, each by name. Only filled in for workloads of the node that the snapshot is for.</summary>
    public EquatableArray<NamespacedName> RequestAuthenticationNames { get; init; }

    /// <summary>The peer groups of NetworkPolicies that it is a member of, in ordinal order. A pod that speaks with its node's address is in none.</summary>
    public EquatableArray<string> PeerGroups { get; init; }

    /// <summary>Those of its ports that NetworkPolicies may call by name, ordered by name.</summary>
    public EquatableArray<NamedPort> NamedPorts { get; init; }

    /// <summary>Whether it is fit to receive connections as a backend.</summary>
    public bool Healthy { get; init; } = true;

    /// <summary>The ports at which the application wants a PROXY protocol v2 header in front of what the client sent.</summary>
    public EquatableArray<TransportPort> ProxyProtocolPorts { get; init; }

    /// <summary>Those of <see cref="ProxyProtocolPorts"/> whose application takes addresses only: some receivers refuse headers that TLVs make long.</summary>
    public EquatableArray<TransportPort> BareProxyProtocolPorts { get; init; }

    /// <summary>The ports at which load balancers outside the mesh put a PROXY protocol header in front, and which load balancers are believed.</summary>
    public EquatableArray<TrustedProxies> TrustedProxies { get; init; }

    /// <summary>Ports at which it is left alone, as if it were not in the mesh: plaintext, and no policy. Of TCP and UDP.</summary>
    public EquatableArray<ushort> ExcludedPorts { get; init; }

    /// <summary>
    /// Those of its TCP ports whose application protocol Services of its namespace declare that select it, or that have no selector and whose EndpointSlices name it; by port. Only filled in for workloads of the node that the snapshot is for.
    /// </summary>
    public EquatableArray<ApplicationPort> ApplicationPorts { get; init; }

    /// <summary>The first part of <see cref="Name"/>.</summary>
    public string Namespace => Name.Namespace;

    /// <summary>The application protocol of one of its ports; null: nobody says, or it is not known here.</summary>
    public string? FindApplicationProtocol(ushort port, TransportProtocol protocol)
    {
        if (protocol != TransportProtocol.Tcp) return null;
        foreach (ApplicationPort known in ApplicationPorts)
        {
            if (known.Port == port) return known.Protocol;
        }
        return null;
    }

    /// <summary>By which version of HTTP one of its ports is read.</summary>
    public HttpKind HttpAt(ushort port, TransportProtocol protocol) => HttpKinds.Of(FindApplicationProtocol(port, protocol));

    /// <summary>Whether the application at a port wants a PROXY protocol v2 header.</summary>
    public bool WantsProxyProtocol(ushort port, TransportProtocol protocol) => Covers(ProxyProtocolPorts, port, protocol);

    /// <summary>Whether that header is to have no TLVs.</summary>
    public bool WantsBareProxyProtocol(ushort port, TransportProtocol protocol) => Covers(BareProxyProtocolPorts, port, protocol);

    /// <summary>Whether what arrives at a port from outside the mesh begins with a PROXY protocol header.</summary>
    public bool AcceptsProxyProtocol(ushort port, TransportProtocol protocol)
    {
        foreach (TrustedProxies proxies in TrustedProxies)
        {
            if (proxies.Covers(port, protocol)) return true;
        }
        return false;
    }

    /// <summary>Whether a PROXY protocol header that <paramref name="peer"/> sends to a port is believed.</summary>
    public bool TrustsProxy(IPAddress peer, ushort port, TransportProtocol protocol)
    {
        foreach (TrustedProxies proxies in TrustedProxies)
        {
            if (proxies.Covers(port, protocol) && proxies.Trusts(peer)) return true;
        }
        return false;
    }

    /// <inheritdoc/>
    public bool Equals(WorkloadInfo? other) =>
        other is not null && Uid == other.Uid && Name == other.Name && ServiceAccount == other.ServiceAccount && Identity == other.Identity
        && Node == other.Node && Addresses == other.Addresses && Enrolled == other.Enrolled && EnrolmentRefused == other.EnrolmentRefused && PodUid == other.PodUid && Owner == other.Owner && MtlsMode == other.MtlsMode
        && HostInterface == other.HostInterface && NetworkNamespace == other.NetworkNamespace && PolicyNames == other.PolicyNames
        && NetworkPolicyNames == other.NetworkPolicyNames && RequestAuthenticationNames == other.RequestAuthenticationNames && PeerGroups == other.PeerGroups && NamedPorts == other.NamedPorts
        && Healthy == other.Healthy && ProxyProtocolPorts == other.ProxyProtocolPorts
        && BareProxyProtocolPorts == other.BareProxyProtocolPorts && TrustedProxies == other.TrustedProxies && ExcludedPorts == other.ExcludedPorts
        && ApplicationPorts == other.ApplicationPorts
        && Labels.SequenceEqual(other.Labels);

    /// <inheritdoc/>
    public override int GetHashCode() => HashCode.Combine(Uid, Node, Addresses, PolicyNames);

    private static bool Covers(EquatableArray<TransportPort> ports, ushort port, TransportProtocol protocol)
    {
        foreach (TransportPort candidate in ports)
        {
            if (candidate.Covers(port, protocol)) return true;
        }
        return false;
    }
}
