using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Tests.Datapath;
using Grpc.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Tests.Admin;

/// <summary>What is said of tunnels that come with a SPIFFE ID, of another trust domain or of the mesh's own.</summary>
public sealed class TunnelExplainerTests
{
    private const string Domain = "two.example", Client = "spiffe://two.example/ns/a/sa/client", Own = "spiffe://cluster.local/ns/shop/sa/far";

    private static readonly TrustBundle Bundle = new(Domain, [new byte[] { 1 }]), Empty = new("empty.example", []);

    private static readonly PolicyInfo Named = Policy("partner", PolicyAction.Allow, "spiffe://two.example/ns/a/*");

    [Theory]
    [InlineData(Client, Wire.Verdict.Allow, "allowed-by-policy", "allowed by policy shop/partner rule 0 (policies.yaml:7)")]
    [InlineData("spiffe://two.example/ns/b/sa/client", Wire.Verdict.Deny, "policy-no-allow", "by rules of ALLOW policies alone that name that trust domain whole in `identities`, as spiffe://two.example/*")]
    [InlineData("spiffe://three.example/ns/a/sa/client", Wire.Verdict.Deny, "tls-handshake", "denied: the mesh is not federated with three.example: nobody of it is believed")]
    [InlineData("spiffe://empty.example/ns/a/sa/client", Wire.Verdict.Deny, "tls-handshake", "this node has no root of it in force")]
    [InlineData("spiffe://two.example/culvert/node/n1", Wire.Verdict.Deny, "peer-identity-mismatch", "a part of the mesh and no workload")]
    [InlineData("spiffe://two.example/spire/agent/x", Wire.Verdict.Deny, "peer-identity-mismatch", "a part of SPIRE and no workload")]
    [InlineData("spiffe://two.example/ns/a/sa/stolen", Wire.Verdict.Deny, "peer-revoked", "denied: spiffe://two.example/ns/a/sa/stolen is revoked")]
    [InlineData("spiffe://cluster.local/culvert/controller", Wire.Verdict.Deny, "peer-identity-mismatch", "a part of the mesh and no workload")]
    [InlineData(Own, Wire.Verdict.Deny, "policy-no-allow", "comes by a tunnel from another node, as shop/far of node n2")]
    [InlineData("spiffe://cluster.local/ns/shop/sa/nobody", Wire.Verdict.Deny, "policy-no-allow", "no workload there has it now")]
    public void AnIdentityIsJudgedAsTheProxyJudgesIt(string id, Wire.Verdict verdict, string reason, string step)
    {
        Wire.ExplainResponse answer = Explain(Snapshot(Named), id);
        Assert.Equal((verdict, reason, Wire.FlowPath.Tunnel, id), (answer.Verdict, answer.Reason, answer.Path, answer.Source.Identity));
        Assert.Contains(answer.Steps, s => s.Contains(step, StringComparison.Ordinal));
        Assert.Equal(verdict == Wire.Verdict.Allow ? "shop/partner" : null, answer.Rule?.Policy);
    }

    [Theory]
    [InlineData(null, "policy-default")]
    [InlineData("*", "policy-no-allow")]
    [InlineData("spiffe://two*", "policy-no-allow")]
    public void WhatWasSaidOfTheMeshLetsNobodyOfAnotherDomainIn(string? pattern, string reason)
    {
        PolicyInfo[] policies = pattern is null ? [] : [Policy("anybody", PolicyAction.Allow, pattern)];
        Wire.ExplainResponse foreign = Explain(Snapshot(policies), Client), own = Explain(Snapshot(policies), Own);
        Assert.Equal((Wire.Verdict.Deny, reason), (foreign.Verdict, foreign.Reason));
        Assert.Contains("gets in by rules of ALLOW policies alone", foreign.Steps[^1], StringComparison.Ordinal);
        Assert.Equal(pattern == "spiffe://two*" ? Wire.Verdict.Deny : Wire.Verdict.Allow, own.Verdict);
        Assert.DoesNotContain(own.Steps, s => s.Contains("gets in by rules of ALLOW", StringComparison.Ordinal));
    }

    [Fact]
    public void ADenyIsNamedWhateverAllows()
    {
        PolicyInfo deny = Policy("no-strangers", PolicyAction.Deny, "*");
        Wire.ExplainResponse answer = Explain(Snapshot(Named, deny), Client);
        Assert.Equal((Wire.Verdict.Deny, "policy-deny", "shop/no-strangers"), (answer.Verdict, answer.Reason, answer.Rule.Policy));
        Assert.DoesNotContain(answer.Steps, s => s.Contains("ALLOW policies alone", StringComparison.Ordinal));
    }

    [Fact]
    public void AnAddressIsWantedWherePolicyAsksForOneAboutThatIdentityAndPort()
    {
        PolicyInfo office = new()
        {
            Name = new NamespacedName("shop", "office"),
            Action = PolicyAction.Allow,
            Rules = [new PolicyRule { From = [new PolicySource { Identities = [StringPattern.Parse("spiffe://two.example/ns/a/*")], IpBlocks = [IpPrefix.Parse("10.99.0.0/16")] }], To = [new PolicyDestination { Ports = [80] }] }],
        };
        RpcException unknown = Assert.Throws<RpcException>(() => Explain(Snapshot(office), Client));
        Assert.Equal(StatusCode.InvalidArgument, unknown.StatusCode);
        Assert.Contains("--from ADDRESS", unknown.Status.Detail, StringComparison.Ordinal);
        Assert.Equal(Wire.Verdict.Allow, Explain(Snapshot(office), Client, from: "10.99.2.2").Verdict);
        Assert.Equal(Wire.Verdict.Deny, Explain(Snapshot(office), Client, from: "10.98.2.2").Verdict);
        Assert.Equal(Wire.Verdict.Deny, Explain(Snapshot(office), Client, port: 81).Verdict);
        Assert.Equal(Wire.Verdict.Deny, Explain(Snapshot(office), "spiffe://two.example/ns/b/sa/client").Verdict);
        Assert.Equal(Wire.Verdict.Deny, Explain(Snapshot(office), Own).Verdict);
    }

    [Theory]
    [InlineData(null, "10.0.0.0/8", null)]
    [InlineData("10.99.2.2", "10.0.0.0/8", Wire.Verdict.Allow)]
    [InlineData("11.99.2.2", "10.0.0.0/8", Wire.Verdict.Deny)]
    [InlineData(null, "", Wire.Verdict.Deny)] // lets nobody in
    public void NetworkPoliciesAskForAnAddressWhereTheyLetSomeIn(string? from, string block, Wire.Verdict? verdict)
    {
        NetworkPolicyInfo isolated = new()
        {
            Name = new NamespacedName("shop", "isolated"),
            IsolatesIngress = true,
            Ingress = block.Length == 0 ? [] : [new NetworkPolicyRule { Peers = [new NetworkPolicyPeer { Block = IpPrefix.Parse(block) }] }],
        };
        NodeSnapshot snapshot = Snapshot(Named);
        snapshot = snapshot with
        {
            NetworkPolicies = snapshot.NetworkPolicies.Add(isolated.Name, isolated),
            Workloads = snapshot.Workloads.SetItem("shop/orders", snapshot.Workloads["shop/orders"] with { NetworkPolicyNames = [isolated.Name] }),
        };
        if (verdict is null) Assert.Throws<RpcException>(() => Explain(snapshot, Client, from));
        else Assert.Equal(verdict, Explain(snapshot, Client, from).Verdict);
    }

    [Fact]
    public void LoadBalancersPortsRefuseTunnelsOfOthers()
    {
        NodeSnapshot snapshot = Snapshot(Named);
        snapshot = snapshot with { Workloads = snapshot.Workloads.SetItem("shop/orders", snapshot.Workloads["shop/orders"] with { TrustedProxies = [new([new(80, TransportProtocol.Tcp)], [IpPrefix.Parse("192.0.2.0/24")])] }) };
        Assert.Throws<RpcException>(() => Explain(snapshot, Client));
        Assert.Equal("proxy-protocol-untrusted", Explain(snapshot, Client, from: "10.99.2.2").Reason);
        Assert.Equal(Wire.Verdict.Allow, Explain(snapshot, Client, from: "192.0.2.1").Verdict);
    }

    [Theory]
    [InlineData(Client, null, "")]
    [InlineData(Client, "10.0.0.3", "")] // another's address makes nobody that workload
    [InlineData(Own, null, "shop/far")]
    [InlineData(Own, "10.0.0.3", "shop/far")]
    [InlineData(Own, "10.99.2.2", "")]
    public void TheSourceIsAWorkloadWhereItIsOneWithThatIdentity(string id, string? from, string uid) =>
        Assert.Equal((uid, id), (Explain(Snapshot(Named), id, from).Source.WorkloadUid, Explain(Snapshot(Named), id, from).Source.Identity));

    [Fact]
    public void TheNodeOfTheDestinationDecides()
    {
        Wire.ExplainResponse answer = Explain(Snapshot(), Client, destination: "shop/far");
        Assert.Equal((Wire.Verdict.Unspecified, "n2", ""), (answer.Verdict, answer.DecidedByNode, answer.Reason));
    }

    [Theory]
    [InlineData("10.0.0.9", 80, "no-route")]
    [InlineData("192.0.2.9", 80, "no-route")]
    [InlineData("shop/orders", 15008, "tunnel-port")]
    public void TunnelsLeadToPortsOfWorkloadsOfTheMeshAlone(string destination, uint port, string reason)
    {
        Wire.ExplainResponse answer = Explain(Snapshot(Named), Client, destination: destination, port: port);
        Assert.Equal((Wire.Verdict.Deny, reason), (answer.Verdict, answer.Reason));
    }

    [Theory]
    [InlineData("shop/web")]
    [InlineData("10.96.0.1")]
    public void AServiceIsReachedAtItsBackends(string destination)
    {
        NodeSnapshot snapshot = Snapshot(Named);
        WorkloadInfo closed = TestMesh.Workload("closed", "n1", "10.0.0.8");
        ServiceInfo service = TestMesh.Service("web", "10.96.0.1", TestMesh.Backend("shop/orders", "10.0.0.2"), TestMesh.Backend("shop/closed", "10.0.0.8"));
        snapshot = snapshot with { Services = snapshot.Services.Add(service.Name, service), Workloads = snapshot.Workloads.Add(closed.Uid, closed) };
        Wire.ExplainResponse answer = Explain(snapshot, Client, destination: destination);
        Assert.Equal((Wire.Verdict.Allow, "shop/orders", "shop/web", 8080u), (answer.Verdict, answer.Destination.WorkloadUid, answer.Destination.Service, answer.Destination.Port));
        Assert.Contains(answer.Steps, s => s == "not so for its backend 10.0.0.8:8080: denied, policy-default, path tunnel");
        Assert.Equal(StatusCode.NotFound, Assert.Throws<RpcException>(() => Explain(snapshot, Client, destination: destination, port: 99)).StatusCode);
    }

    [Theory]
    [InlineData("spiffe://two.example", null)]
    [InlineData("spiffe://two.example//x", null)]
    [InlineData(Client, "two.example")]
    [InlineData(Client, "fd00::1")]
    public void WhatMakesNoSenseIsSaid(string id, string? from) =>
        Assert.Equal(StatusCode.InvalidArgument, Assert.Throws<RpcException>(() => Explain(Snapshot(), id, from)).StatusCode);

    [Fact]
    public void StrictModeIsNoMatterOfTunnelsAndOfPlaintextTheFederatedAreNamed()
    {
        NodeSnapshot strict = Snapshot(Named);
        strict = strict with { Workloads = strict.Workloads.SetItem("shop/orders", strict.Workloads["shop/orders"] with { MtlsMode = MtlsMode.Strict }) };
        Wire.ExplainRequest plaintext = new() { Source = "10.99.2.2", Destination = "shop/orders", Port = 8080 };
        Wire.ExplainResponse answer = Explainer.Explain(TestMesh.Oracle(strict), plaintext);
        Assert.Equal((Wire.Verdict.Deny, "strict-mtls"), (answer.Verdict, answer.Reason));
        Assert.Contains("(two.example, empty.example) is judged by that; ask with it, as `culvert explain spiffe://two.example/ns/NAMESPACE/sa/ACCOUNT shop/orders:8080`", answer.Steps[^1], StringComparison.Ordinal);
        Assert.DoesNotContain(Explainer.Explain(TestMesh.Oracle(strict with { FederatedBundles = [] }), plaintext).Steps, s => s.Contains("federated", StringComparison.Ordinal));
        Assert.Equal(Wire.Verdict.Allow, Explain(strict, Client).Verdict);
    }

    private static PolicyInfo Policy(string name, PolicyAction action, string pattern) => new()
    {
        Name = new NamespacedName("shop", name),
        Action = action,
        SourceReference = "policies.yaml:7",
        Rules = [new PolicyRule { From = [new PolicySource { Identities = [StringPattern.Parse(pattern)] }] }],
    };

    // orders on this node with all the policies, far on another, plain of no mesh.
    private static NodeSnapshot Snapshot(params PolicyInfo[] policies)
    {
        WorkloadInfo orders = TestMesh.Workload("orders", "n1", "10.0.0.2", policies: [.. policies.Select(p => p.Name.Name)]);
        WorkloadInfo far = TestMesh.Workload("far", "n2", "10.0.0.3", "far"), plain = TestMesh.Workload("plain", "n1", "10.0.0.9") with { Enrolled = false };
        return TestMesh.Snapshot([orders, far, plain], policies) with { FederatedBundles = [Bundle, Empty] };
    }

    private static Wire.ExplainResponse Explain(NodeSnapshot snapshot, string id, string? from = null, string destination = "shop/orders", uint port = 80)
    {
        BelievedPeers believed = new(snapshot.FederatedBundles, new RevokedCredentials { Identities = [SpiffeId.Parse("spiffe://two.example/ns/a/sa/stolen")] });
        Wire.ExplainRequest request = new() { Source = id, Destination = destination, Port = port, SourceAddress = from ?? "" };
        Assert.True(TunnelExplainer.IsAsked(request));
        return TunnelExplainer.Explain(TestMesh.Oracle(snapshot), believed, request);
    }
}
