using Culvert.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.Protocol;

/// <summary>Whole snapshots between model and wire. Pure; safe for any number of threads.</summary>
public static class SnapshotMapping
{
    /// <summary>Every resource of a snapshot, in a stable order: mesh, trust bundle, nodes, policies, network policies, request authentications, workloads, services, routes of requests.</summary>
    public static IEnumerable<Wire.Resource> ToResources(this NodeSnapshot snapshot)
    {
        yield return new Wire.Resource { Mesh = snapshot.Mesh.ToWire(snapshot.Problems) };
        yield return new Wire.Resource { TrustBundle = snapshot.TrustBundle.ToWire(snapshot.FederatedBundles) };
        foreach (NodeInfo node in snapshot.Nodes.Values.OrderBy(n => n.Name, StringComparer.Ordinal)) yield return new Wire.Resource { Node = node.ToWire() };
        foreach (PolicyInfo policy in snapshot.Policies.Values.OrderBy(p => p.Name)) yield return new Wire.Resource { Policy = policy.ToWire() };
        foreach (NetworkPolicyInfo policy in snapshot.NetworkPolicies.Values.OrderBy(p => p.Name)) yield return new Wire.Resource { NetworkPolicy = policy.ToWire() };
        foreach (RequestAuthenticationInfo authentication in snapshot.RequestAuthentications.Values.OrderBy(a => a.Name)) yield return new Wire.Resource { RequestAuthentication = authentication.ToWire() };
        foreach (WorkloadInfo workload in snapshot.Workloads.Values.OrderBy(w => w.Uid, StringComparer.Ordinal)) yield return new Wire.Resource { Workload = workload.ToWire() };
        foreach (ServiceInfo service in snapshot.Services.Values.OrderBy(s => s.Name)) yield return new Wire.Resource { Service = service.ToWire() };
        foreach (HttpRouteInfo route in snapshot.HttpRoutes.Values.OrderBy(r => r.Kind).ThenBy(r => r.Name)) yield return new Wire.Resource { HttpRoute = route.ToWire() };
    }

    /// <summary>The name of a resource within its kind.</summary>
    public static Wire.ResourceName NameOf(Wire.Resource resource) => resource.KindCase switch
    {
        Wire.Resource.KindOneofCase.Mesh => new() { Kind = Wire.ResourceKind.Mesh },
        Wire.Resource.KindOneofCase.Workload => new() { Kind = Wire.ResourceKind.Workload, Name = resource.Workload.Uid },
        Wire.Resource.KindOneofCase.Service => new() { Kind = Wire.ResourceKind.Service, Name = $"{resource.Service.Namespace}/{resource.Service.Name}" },
        Wire.Resource.KindOneofCase.Policy => new() { Kind = Wire.ResourceKind.Policy, Name = $"{resource.Policy.Namespace}/{resource.Policy.Name}" },
        Wire.Resource.KindOneofCase.NetworkPolicy => new() { Kind = Wire.ResourceKind.NetworkPolicy, Name = $"{resource.NetworkPolicy.Namespace}/{resource.NetworkPolicy.Name}" },
        Wire.Resource.KindOneofCase.RequestAuthentication => new() { Kind = Wire.ResourceKind.RequestAuthentication, Name = $"{resource.RequestAuthentication.Namespace}/{resource.RequestAuthentication.Name}" },
        Wire.Resource.KindOneofCase.HttpRoute => new() { Kind = Wire.ResourceKind.HttpRoute, Name = HttpRouteMapping.NameOf(resource.HttpRoute) },
        Wire.Resource.KindOneofCase.TrustBundle => new() { Kind = Wire.ResourceKind.TrustBundle, Name = resource.TrustBundle.TrustDomain },
        Wire.Resource.KindOneofCase.Node => new() { Kind = Wire.ResourceKind.Node, Name = resource.Node.Name },
        _ => new(),
    };

    /// <summary>The full response that carries a snapshot.</summary>
    public static Wire.SnapshotResponse ToFullResponse(this NodeSnapshot snapshot, string epoch)
    {
        var response = new Wire.SnapshotResponse { Version = snapshot.Version, Full = true, Epoch = epoch };
        response.Upserts.AddRange(snapshot.ToResources());
        return response;
    }

    /// <summary>Applies a response to the snapshot in force and returns the next one; the old one is left as it is.</summary>
    /// <exception cref="MappingException">The response can't be applied as a whole; answer with a NACK and keep the old snapshot.</exception>
    public static NodeSnapshot Apply(NodeSnapshot current, string node, Wire.SnapshotResponse response)
    {
        var builder = new SnapshotBuilder(response.Full ? new NodeSnapshot { Node = node } : current, current);
        if (!response.Full && response.BaseVersion != current.Version)
            throw new MappingException(null, $"the delta is on top of version {response.BaseVersion} and version {current.Version} is in force");
        foreach (Wire.ResourceName removal in response.Removals) builder.Remove(removal);
        foreach (Wire.Resource resource in response.Upserts) builder.Upsert(resource);
        return builder.Build(response.Version);
    }
}
