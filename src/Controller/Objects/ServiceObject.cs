using System.Collections.Immutable;
using System.Net;
using Culvert.Core;

namespace Culvert.Controller.Objects;

/// <summary>A service (core/v1).</summary>
internal sealed record ServiceObject(ObjectMeta Meta) : MeshObject(ObjectKind.Service, Meta)
{
    /// <summary>Virtual addresses; empty when headless.</summary>
    public EquatableArray<IPAddress> ClusterIps { get; init; }

    public EquatableArray<ServicePortObject> Ports { get; init; }

    /// <summary>Labels of its workloads; empty when its backends come from EndpointSlices only.</summary>
    public ImmutableSortedDictionary<string, string> Selector { get; init; } = ImmutableSortedDictionary<string, string>.Empty;

    /// <summary>Whether a client is to keep its backend (<c>sessionAffinity: ClientIP</c>).</summary>
    public bool KeepsClients { get; init; }

    /// <summary>What its TrafficPolicy says of requests; null: nothing.</summary>
    public RequestSettings? Requests { get; init; }

    /// <summary>Whether clients are sent to backends of their own node only (<c>internalTrafficPolicy: Local</c>).</summary>
    public bool IsNodeLocal { get; init; }
}
