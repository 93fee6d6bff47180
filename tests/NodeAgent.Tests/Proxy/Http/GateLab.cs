using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Http;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Http;

/// <summary>The gate of one connection to a workload of this node, with policy that tests set.</summary>
internal sealed class GateLab
{
    private static readonly WorkloadInfo Shop = new()
    {
        Uid = "demo/shop",
        Name = new("demo", "shop"),
        ServiceAccount = "shop",
        Identity = SpiffeId.ForServiceAccount("td", "demo", "shop"),
        Node = "n1",
        Addresses = [IPAddress.Parse("10.0.0.1")],
        PolicyNames = [new("demo", "p")],
    };

    private readonly FakeMesh _mesh;
    private readonly ConnectionGuard _guard;

    /// <summary>Makes one; on the loop's thread.</summary>
    internal GateLab(FakeMesh mesh, string protocol)
    {
        _mesh = mesh;
        mesh.Local = Shop;
        _guard = new ConnectionGuard(mesh, mesh, mesh, TimeProvider.System);
        ProxyConnectionInfo info = new() { Target = new(Shop.Addresses[0], 8080), DestinationWorkload = Shop, DestinationIdentity = Shop.Identity, ApplicationProtocol = protocol };
        Gate = new RequestGate(_guard.TryAdmit(ref info, client: null, isDestinationHere: true, out _)!, mesh);
    }

    internal RequestGate Gate { get; }

    /// <summary>What is left of a policy for a connection to the workload.</summary>
    internal static RequestRules? Rules(PolicyAction action, params RequestConditions[] rules)
    {
        PolicyInfo policy = new()
        {
            Name = Shop.PolicyNames[0],
            Action = action,
            Rules = rules.Select(r => new PolicyRule { To = [new PolicyDestination { Protocol = TransportProtocol.Tcp, Request = r }] }).ToEquatableArray(),
        };
        return RequestRules.Of(new NodeSnapshot { Policies = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty.Add(policy.Name, policy) }, new ConnectionRequest
        {
            SourceAddress = IPAddress.Parse("10.0.0.2"),
            SourceWorkload = null,
            Destination = Shop,
            Port = 8080,
            Protocol = TransportProtocol.Tcp,
            Authenticated = false,
            IsRead = true,
        });
    }

    /// <summary>Paths as conditions.</summary>
    internal static RequestConditions Paths(params string[] paths) => new() { Paths = paths.Select(PathPattern.Parse).ToEquatableArray() };

    /// <summary>The mesh has changed; on the loop's thread.</summary>
    internal void Change(RequestRules? rules)
    {
        _mesh.Rules = rules;
        _guard.Revalidate();
    }
}
