using System.Collections.Immutable;
using System.Net;
using static Culvert.Core.Tests.Given;

namespace Culvert.Core.Tests;

public sealed class NetworkPolicyEvaluatorTests
{
    private static readonly NetworkPolicyInfo Closed = new() { Name = new("shop", "closed"), IsolatesIngress = true, IsolatesEgress = true };
    private static readonly WorkloadInfo Web = Workload("web", "10.0.0.1") with { NamedPorts = [new("http", 8080, TransportProtocol.Tcp)] };
    private static readonly WorkloadInfo Cart = Workload("cart", "10.0.0.2") with { PeerGroups = ["carts"] };

    [Fact]
    public void A_workload_that_nothing_selects_is_open()
    {
        Assert.Equal(DecisionReason.AllowedByDefault, In(Mesh([Closed]), Web, Cart, 80).Reason);
        Assert.Equal(DecisionReason.AllowedByDefault, Out(Mesh([Closed]), Cart, Web, 80).Reason);
    }

    [Fact]
    public void Each_direction_is_isolated_by_itself()
    {
        NetworkPolicyInfo ingress = Closed with { IsolatesEgress = false };
        WorkloadInfo web = Select(Web, ingress), cart = Select(Cart, ingress);
        NodeSnapshot mesh = Mesh([ingress], web, cart);
        Decision refused = In(mesh, web, cart, 80);
        Assert.Equal((Verdict.Deny, DecisionReason.NetworkPolicyIngress, -1), (refused.Verdict, refused.Reason, refused.RuleIndex));
        Assert.Equal("NetworkPolicy shop/closed", refused.Policy.ToString());
        Assert.True(Out(mesh, cart, web, 80).IsAllowed);

        NetworkPolicyInfo egress = Closed with { IsolatesIngress = false };
        mesh = Mesh([egress], web = Select(Web, egress), cart = Select(Cart, egress));
        Assert.True(In(mesh, web, cart, 80).IsAllowed);
        Assert.Equal(DecisionReason.NetworkPolicyEgress, Out(mesh, cart, web, 80).Reason);
    }

    [Fact]
    public void Policies_add_up_and_AuthorizationPolicies_still_count()
    {
        NetworkPolicyInfo open = Closed with { Name = new("shop", "open"), Ingress = [new() { Peers = [new() { Group = "carts" }], Ports = [NetworkPolicyPort.Exactly(80, TransportProtocol.Tcp)] }] };
        PolicyInfo deny = Policy("shop/deny", PolicyAction.Deny, Rule(to: new() { Ports = [81] }));
        WorkloadInfo web = Select(Web, Closed, open) with { PolicyNames = [deny.Name] };
        NodeSnapshot mesh = Mesh([Closed, open], web, Cart) with { Policies = ImmutableDictionary<NamespacedName, PolicyInfo>.Empty.Add(deny.Name, deny) };
        Assert.True(In(mesh, web, Cart, 80).IsAllowed);
        Assert.Equal(DecisionReason.NetworkPolicyIngress, In(mesh, web, Cart, 80, TransportProtocol.Udp).Reason);
        Assert.Equal(DecisionReason.NetworkPolicyIngress, In(mesh, web, Cart, 82).Reason);
        Assert.Equal(DecisionReason.NetworkPolicyIngress, In(mesh, web, null, 80).Reason);
        NetworkPolicyInfo wide = open with { Ingress = [new()] };
        Assert.Equal(DecisionReason.DeniedByPolicy, In(mesh with { NetworkPolicies = mesh.NetworkPolicies.SetItem(open.Name, wide) }, web, Cart, 81).Reason);
    }

    [Fact]
    public void A_named_port_is_the_destinations()
    {
        EquatableArray<NetworkPolicyRule> http = [new() { Ports = [NetworkPolicyPort.Called("http", TransportProtocol.Tcp)] }];
        NetworkPolicyInfo policy = Closed with { Ingress = http, Egress = http };
        WorkloadInfo web = Select(Web, policy), cart = Select(Cart, policy);
        NodeSnapshot mesh = Mesh([policy], web, cart);
        Assert.True(In(mesh, web, cart, 8080).IsAllowed);
        Assert.False(In(mesh, web, cart, 80).IsAllowed);
        Assert.False(In(mesh, cart, web, 8080).IsAllowed);
        Assert.True(Out(mesh, cart, web, 8080).IsAllowed);
        Assert.False(Out(mesh, web, cart, 8080).IsAllowed);
        Assert.False(Out(mesh, web, null, 8080).IsAllowed);
    }

    [Fact]
    public void A_block_leaves_out_its_exceptions_and_ranges_have_two_ends()
    {
        NetworkPolicyInfo policy = Closed with
        {
            Egress = [new() { Peers = [new() { Block = IpPrefix.Parse("192.0.2.0/24"), Except = [IpPrefix.Parse("192.0.2.128/25")] }], Ports = [new(TransportProtocol.Tcp, 1000, 2000)] }],
        };
        WorkloadInfo web = Select(Web, policy);
        NodeSnapshot mesh = Mesh([policy], web);
        foreach ((string address, ushort port, bool allowed) in new[]
        {
            ("192.0.2.1", (ushort)1000, true), ("192.0.2.127", (ushort)2000, true), ("192.0.2.128", (ushort)1000, false), ("192.0.3.1", (ushort)1000, false), ("192.0.2.1", (ushort)999, false), ("192.0.2.1", (ushort)2001, false),
        })
        {
            EgressRequest request = new() { Source = web, DestinationAddress = IPAddress.Parse(address), DestinationWorkload = null, Port = port, Protocol = TransportProtocol.Tcp };
            Assert.True(PolicyEvaluator.EvaluateEgress(mesh, request).IsAllowed == allowed, $"{address} {port}");
        }
    }

    [Fact]
    public void A_pod_reaches_itself()
    {
        WorkloadInfo web = Select(Web, Closed);
        NodeSnapshot mesh = Mesh([Closed], web);
        Assert.True(In(mesh, web, web, 80).IsAllowed);
        Assert.True(Out(mesh, web, web, 80).IsAllowed);
    }

    [Fact]
    public void What_is_only_reported_is_let_through()
    {
        WorkloadInfo web = Select(Web, Closed), cart = Select(Cart, Closed);
        NodeSnapshot mesh = Mesh([Closed], web, cart);
        mesh = mesh with { Mesh = mesh.Mesh with { NetworkPolicy = NetworkPolicyMode.Report } };
        foreach (Decision decision in (Decision[])[In(mesh, web, cart, 80), Out(mesh, cart, web, 80)])
        {
            Assert.True(decision.IsAllowed);
            Assert.Equal([new PolicyReference(Closed.Name, PolicyKind.NetworkPolicy)], decision.AuditPolicies);
        }
    }

    [Fact]
    public void A_policy_that_is_not_there_refuses()
    {
        WorkloadInfo web = Select(Web, Closed);
        NodeSnapshot mesh = Mesh([], web, Cart);
        Assert.Equal((Verdict.Deny, DecisionReason.PolicyMissing), (In(mesh, web, Cart, 80).Verdict, In(mesh, web, Cart, 80).Reason));
        Assert.Equal((Verdict.Deny, DecisionReason.PolicyMissing), (Out(mesh, web, Cart, 80).Verdict, Out(mesh, web, Cart, 80).Reason));
    }

    private static WorkloadInfo Select(WorkloadInfo workload, params NetworkPolicyInfo[] policies) => workload with { NetworkPolicyNames = [.. policies.Select(p => p.Name)] };

    private static NodeSnapshot Mesh(NetworkPolicyInfo[] policies, params WorkloadInfo[] workloads) =>
        Snapshot(new(), [], workloads) with { NetworkPolicies = policies.ToImmutableDictionary(p => p.Name) };

    private static Decision In(NodeSnapshot mesh, WorkloadInfo destination, WorkloadInfo? from, ushort port, TransportProtocol protocol = TransportProtocol.Tcp) => PolicyEvaluator.Evaluate(mesh, new ConnectionRequest
    {
        SourceAddress = from?.Addresses[0] ?? IPAddress.Parse("198.51.100.1"),
        SourceWorkload = from,
        Destination = destination,
        Port = port,
        Protocol = protocol,
        Authenticated = false,
    });

    private static Decision Out(NodeSnapshot mesh, WorkloadInfo source, WorkloadInfo? to, ushort port) => PolicyEvaluator.EvaluateEgress(mesh, new EgressRequest
    {
        Source = source,
        DestinationAddress = to?.Addresses[0] ?? IPAddress.Parse("198.51.100.1"),
        DestinationWorkload = to,
        Port = port,
        Protocol = TransportProtocol.Tcp,
    });
}
