using System.Collections.Immutable;
using System.Net;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A workload: one that is declared, or a pod of a cluster.</summary>
internal sealed record WorkloadObject(ObjectMeta Meta) : MeshObject(ObjectKind.Workload, Meta)
{
    public EquatableArray<IPAddress> Addresses { get; init; }

    public required string Node { get; init; }

    public string ServiceAccount { get; init; } = "default";

    public string? Interface { get; init; }

    public string? NetworkNamespace { get; init; }

    /// <summary>What the object says; null leaves it to the namespace.</summary>
    public bool? Enrolled { get; init; }

    /// <summary>
    /// Whether it is a pod of a cluster, which nobody has declared for the mesh: it is no member unless a label says so, and Services have it as a backend by their EndpointSlices only, which know whether it is ready.
    /// </summary>
    public bool IsPod { get; init; }

    /// <summary>The uid by which its node knows a pod that runs, or is about to, in a network namespace of its own; null for all else.</summary>
    public string? PodUid { get; init; }

    /// <summary>The uid of a pod's object at the API server; null for all else. Of a static pod it is not <see cref="PodUid"/>.</summary>
    public string? ObjectUid { get; init; }

    /// <summary>The Deployment, DaemonSet or StatefulSet that has made a pod; null: none, or it is no pod.</summary>
    public WorkloadReference? Owner { get; init; }

    /// <summary>The Deployment, DaemonSet, StatefulSet or Job that manages a pod; null: none, or it is no pod.</summary>
    public WorkloadOwner? Manager { get; init; }

    /// <summary>Why its node can't capture it, as the pod's own status says; null: it can, or has not said otherwise.</summary>
    public string? NotCaptured { get; init; }

    /// <summary>Since when its status says that it is not captured; null: it does not say so, or not since when.</summary>
    public DateTimeOffset? NotCapturedSince { get; init; }

    /// <summary>Whether it is in the mesh: what it says itself, else what its namespace says, else yes if it is declared.</summary>
    /// <param name="ns">The object of its namespace; null where there is none.</param>
    public bool IsEnrolled(NamespaceObject? ns) => Enrolled ?? (!HostNetwork && (ns?.Enrolled ?? !IsPod));

    /// <summary>Whether it runs in its node's network namespace: it has the node's address, and NetworkPolicies do not tell it from the node.</summary>
    public bool HostNetwork { get; init; }

    /// <summary>Ports whose application wants a PROXY protocol header, by field or annotation.</summary>
    public ProxyProtocolRequest ProxyProtocol { get; init; }

    /// <summary>Ports that take PROXY protocol headers, by field or annotation.</summary>
    public EquatableArray<TrustedProxies> TrustedProxies { get; init; }

    /// <summary>Ports with a name, by it: services and NetworkPolicies may mean them so.</summary>
    public ImmutableSortedDictionary<string, TransportPort> Ports { get; init; } = ImmutableSortedDictionary<string, TransportPort>.Empty;
}
