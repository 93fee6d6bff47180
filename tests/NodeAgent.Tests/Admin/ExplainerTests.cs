using System.Collections.Immutable;
using System.Net;
using Culvert.Core;
using Culvert.NodeAgent.Admin;
using Culvert.NodeAgent.Tests.Datapath;
using Grpc.Core;
using Wire = Culvert.Protocol.V1;

namespace Culvert.NodeAgent.Tests.Admin;

public sealed class ExplainerTests
{
    private static readonly WorkloadInfo Client = TestMesh.Workload("client", "n1", "10.0.0.1");

    public static TheoryData<LoadBalancing> Methods => [.. Enum.GetValues<LoadBalancing>()];

    [Fact]
    public void AWorkloadThatAsksForHeadersIsReachedByTheProxyEvenOnItsNode()
    {
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.2") with { ProxyProtocolPorts = [new(80, TransportProtocol.Tcp), new(81, TransportProtocol.Tcp)], BareProxyProtocolPorts = [new(81, TransportProtocol.Tcp)] };
        Wire.ExplainResponse answer = Explain(web, "10.0.0.1", 80);
        Assert.Equal((Wire.Verdict.Allow, Wire.FlowPath.Proxy), (answer.Verdict, answer.Path));
        Assert.Contains(answer.Steps, s => s.Contains("by that node's proxy", StringComparison.Ordinal));
        Assert.Contains(answer.Steps, s => s.Contains("PROXY protocol v2 header", StringComparison.Ordinal) && s.Contains("identity", StringComparison.Ordinal));
        Assert.Contains(Explain(web, "10.0.0.1", 81).Steps, s => s.EndsWith("addresses only", StringComparison.Ordinal));
        Assert.DoesNotContain(Explain(web, "10.0.0.1", 82).Steps, s => s.Contains("header", StringComparison.Ordinal));
    }

    [Theory]
    [InlineData("http", Wire.FlowPath.Proxy, Wire.Verdict.Allow, "each of its requests is decided by itself, also by shop/reads rule 0")]
    [InlineData("smtp", Wire.FlowPath.Direct, Wire.Verdict.Deny, "nobody reads its requests: of shop/reads, rules about requests allow nothing there")]
    public void WhatPolicyAsksAboutRequestsIsSaidAndWhetherAnybodyReadsThem(string protocol, Wire.FlowPath path, Wire.Verdict verdict, string step)
    {
        PolicyInfo reads = new()
        {
            Name = new NamespacedName("shop", "reads"),
            Action = PolicyAction.Allow,
            Rules = [new PolicyRule { To = [new PolicyDestination { Protocol = TransportProtocol.Tcp, Request = new RequestConditions { Methods = ["GET"] } }] }],
        };
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.2") with { PolicyNames = [reads.Name], ApplicationPorts = [new ApplicationPort(80, protocol)] };
        PathOracle oracle = new(new SnapshotIndex(TestMesh.Snapshot([Client, web], [reads])), 15008);
        Wire.ExplainResponse answer = Explainer.Explain(oracle, new Wire.ExplainRequest { Source = "10.0.0.1", Destination = "10.0.0.2", Port = 80 });
        Assert.Equal((path, verdict), (answer.Path, answer.Verdict));
        Assert.Contains(answer.Steps, s => s.Contains(step, StringComparison.Ordinal));
    }

    [Fact]
    public void OfRoutesItSaysWhereRequestsGoWhoMayAskAndWhoGetsCopies()
    {
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.2");
        ServiceInfo service = TestMesh.Service("web", "10.96.0.1", TestMesh.Backend("shop/web", "10.0.0.2"));
        HttpRouteInfo route = new()
        {
            Name = new NamespacedName("shop", "web"),
            Kind = HttpRouteKind.Http,
            Parents = [new HttpRouteParent(service.Name)],
            Rules =
            [
                new HttpRouteRule
                {
                    Matches = [new HttpRouteMatch()],
                    Backends = [new HttpRouteBackend(service.Name, 80)],
                    Filters = new HttpRouteFilters
                    {
                        Cors = new HttpCors { AllowOrigins = [OriginPattern.Parse("https://shop.example"), OriginPattern.Parse("https://*.shop.example")] },
                        Mirrors = [new HttpRouteMirror(new NamespacedName("shop", "next"), 80), new HttpRouteMirror(new NamespacedName("shop", "later"), 81, 1, 1000)],
                    },
                },
                new HttpRouteRule { Matches = [new HttpRouteMatch()], Filters = new HttpRouteFilters { Cors = new HttpCors() } },
            ],
        };
        NodeSnapshot snapshot = TestMesh.Snapshot([Client, web], services: [service]) with { HttpRoutes = ImmutableDictionary<HttpRouteKey, HttpRouteInfo>.Empty.Add(route.Key, route) };
        Wire.ExplainResponse answer = Explainer.Explain(new PathOracle(new SnapshotIndex(snapshot), 15008), new Wire.ExplainRequest { Source = "10.0.0.1", Destination = "10.96.0.1", Port = 80 });
        Assert.Contains(
            "HTTPRoute shop/web rule 0: service shop/web port 80 (weight 1); pages of https://shop.example, https://*.shop.example may ask (CORS); copies of all go to service shop/next port 80; copies of 1 of 1000 go to service shop/later port 81",
            answer.Steps);
        Assert.Contains("HTTPRoute shop/web rule 1: answered 500, since it has no backend; no page of another origin may ask (CORS)", answer.Steps);
    }

    [Fact]
    public void OnOneNodeATunnelToWhoIsCapturedInsideItsNamespaceIsExplainedAndPolicyDecided()
    {
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.2");
        PathOracle oracle = new(new SnapshotIndex(TestMesh.Snapshot([Client, web])), 15008, isInside: web.Uid.Equals);
        Wire.ExplainResponse answer = Explainer.Explain(oracle, new Wire.ExplainRequest { Source = "10.0.0.1", Destination = "10.0.0.2", Port = 80 });
        Assert.Equal((Wire.FlowPath.Tunnel, Wire.Verdict.Allow), (answer.Path, answer.Verdict));
        Assert.Contains(answer.Steps, s => s.Contains("one is captured inside its network namespace", StringComparison.Ordinal));
    }

    [Fact]
    public void AnIsolatedWorkloadReachesItsNode()
    {
        NetworkPolicyInfo isolated = new() { Name = new NamespacedName("shop", "isolated"), IsolatesEgress = true };
        WorkloadInfo client = Client with { NetworkPolicyNames = [isolated.Name] };
        NodeSnapshot snapshot = TestMesh.Snapshot([client]);
        snapshot = snapshot with { NetworkPolicies = snapshot.NetworkPolicies.Add(isolated.Name, isolated) };
        PathOracle oracle = new(new SnapshotIndex(snapshot), 15008, IPAddress.Parse("192.0.2.9").Equals);
        Wire.ExplainResponse To(string address) => Explainer.Explain(oracle, new Wire.ExplainRequest { Source = "10.0.0.1", Destination = address, Port = 80 });
        Assert.Equal((Wire.Verdict.Allow, "not-enrolled"), (To("192.0.2.9").Verdict, To("192.0.2.9").Reason));
        Assert.Equal(Wire.Verdict.Deny, To("192.0.2.8").Verdict);
    }

    [Fact]
    public void WhatANetworkPolicyLetsInIsSaidBesideWhatAPolicyAllows()
    {
        NetworkPolicyInfo fromShop = new() { Name = new NamespacedName("shop", "from-shop"), IsolatesIngress = true, Ingress = [new NetworkPolicyRule { Peers = [new NetworkPolicyPeer { Block = IpPrefix.Parse("10.0.0.0/24") }] }] };
        PolicyInfo allow = new() { Name = new NamespacedName("shop", "allow"), Action = PolicyAction.Allow, Rules = [new PolicyRule()] };
        WorkloadInfo client = Client, web = TestMesh.Workload("web", "n1", "10.0.0.2") with { NetworkPolicyNames = [fromShop.Name], PolicyNames = [allow.Name] };
        NodeSnapshot snapshot = TestMesh.Snapshot([client, web], [allow]);
        snapshot = snapshot with { NetworkPolicies = snapshot.NetworkPolicies.Add(fromShop.Name, fromShop) };
        PathOracle oracle = new(new SnapshotIndex(snapshot), 15008, _ => false);
        Wire.ExplainResponse From(string source) => Explainer.Explain(oracle, new Wire.ExplainRequest { Source = source, Destination = "shop/web", Port = 80 });

        Wire.ExplainResponse letIn = From("10.0.0.1");
        Assert.Equal(Wire.Verdict.Allow, letIn.Verdict);
        Assert.Contains(letIn.Steps, s => s.StartsWith("let in by NetworkPolicy shop/from-shop ingress rule 0 (", StringComparison.Ordinal));
        Assert.Contains(letIn.Steps, s => s.StartsWith("allowed by policy shop/allow rule 0", StringComparison.Ordinal));

        Wire.ExplainResponse refused = From("10.0.1.1");
        Assert.Equal(Wire.Verdict.Deny, refused.Verdict);
        Assert.DoesNotContain(refused.Steps, s => s.StartsWith("let in", StringComparison.Ordinal));
        Assert.DoesNotContain(From("10.0.0.2").Steps, s => s.StartsWith("let in", StringComparison.Ordinal));

        oracle = new(new SnapshotIndex(snapshot with { Mesh = snapshot.Mesh with { NetworkPolicy = NetworkPolicyMode.Report } }), 15008, _ => false);
        Wire.ExplainResponse reported = From("10.0.1.1");
        Assert.Equal((Wire.Verdict.Allow, "NetworkPolicy shop/from-shop"), (reported.Verdict, Assert.Single(reported.AuditPolicies)));
        Assert.Contains(reported.Steps, s => s.StartsWith("denied were NetworkPolicies enforced: NetworkPolicy shop/from-shop (", StringComparison.Ordinal) && s.Contains("comes in to shop/web", StringComparison.Ordinal));
    }

    [Fact]
    public void TheNodesOwnReachesItsWorkloadsWhateverPolicySays()
    {
        PolicyInfo deny = new() { Name = new NamespacedName("shop", "deny"), Action = PolicyAction.Deny, Rules = [new PolicyRule()] };
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.2") with { MtlsMode = MtlsMode.Strict, PolicyNames = [deny.Name] };
        PathOracle oracle = new(new SnapshotIndex(TestMesh.Snapshot([web], [deny])), 15008, IPAddress.Parse("192.0.2.9").Equals);
        Wire.ExplainResponse From(string address) => Explainer.Explain(oracle, new Wire.ExplainRequest { Source = address, Destination = "shop/web", Port = 80 });
        Assert.Equal((Wire.Verdict.Allow, "node"), (From("192.0.2.9").Verdict, From("192.0.2.9").Reason));
        Assert.Equal(Wire.Verdict.Deny, From("192.0.2.8").Verdict);
    }

    [Fact]
    public void AWorkloadSpeaksFromItsAddressOfTheDestinationsFamily()
    {
        PolicyInfo deny = new() { Name = new NamespacedName("shop", "no-v6"), Action = PolicyAction.Deny, Rules = [new PolicyRule { From = [new PolicySource { IpBlocks = [IpPrefix.Parse("fd00::/64")] }] }] };
        WorkloadInfo client = TestMesh.Workload("client", "n1", "10.0.0.1 fd00::1"), web = TestMesh.Workload("web", "n1", "10.0.0.2 fd00::2") with { PolicyNames = [deny.Name] };
        PathOracle oracle = TestMesh.Oracle(TestMesh.Snapshot([client, web], [deny]));
        Wire.ExplainResponse Of(string source, string destination) => Explainer.Explain(oracle, new Wire.ExplainRequest { Source = source, Destination = destination, Port = 80 });
        Assert.Equal(Wire.Verdict.Allow, Of("shop/client", "10.0.0.2").Verdict);
        Assert.Equal((Wire.Verdict.Deny, "policy-deny"), (Of("shop/client", "fd00::2").Verdict, Of("shop/client", "fd00::2").Reason));
        Assert.Equal("fd00::1", new IPAddress(Of("shop/client", "fd00::2").Source.Address.Span).ToString());
        Assert.Equal(StatusCode.InvalidArgument, Assert.Throws<RpcException>(() => Of("10.0.0.1", "fd00::2")).StatusCode);
    }

    [Fact]
    public void BackendsOfWhichSomethingElseHoldsAreTold()
    {
        PolicyInfo deny = new() { Name = new NamespacedName("shop", "deny"), Action = PolicyAction.Deny, Rules = [new PolicyRule()] };
        WorkloadInfo first = TestMesh.Workload("first", "n1", "10.0.0.2"), second = TestMesh.Workload("second", "n1", "10.0.0.3"), denied = TestMesh.Workload("denied", "n1", "10.0.0.4") with { PolicyNames = [deny.Name] };
        ServiceBackend[] backends = [.. new[] { first, second, denied }.Select(w => TestMesh.Backend(w.Uid, w.Addresses[0].ToString()))];
        ServiceInfo service = TestMesh.Service("web", "10.96.0.1", backends);
        Wire.ExplainResponse answer = Explainer.Explain(
            TestMesh.Oracle(TestMesh.Snapshot([Client, first, second, denied], [deny], services: [service])),
            new Wire.ExplainRequest { Source = "shop/client", Destination = "10.96.0.1", Port = service.Ports[0].Port });
        Assert.Equal(Wire.Verdict.Allow, answer.Verdict);
        string told = Assert.Single(answer.Steps, s => s.StartsWith("not so", StringComparison.Ordinal));
        Assert.Equal($"not so for its backend 10.0.0.4:{service.Ports[0].Backends[2].Port}: denied, policy-deny, path direct", told);
    }

    [Fact]
    public void ThePortOfTunnelsIsRefused()
    {
        Wire.ExplainResponse answer = Explain(TestMesh.Workload("web", "n2", "10.0.0.2"), "10.0.0.1", 15008);
        Assert.Equal((Wire.Verdict.Deny, "tunnel-port"), (answer.Verdict, answer.Reason));
    }

    [Fact]
    public void WhatAWorkloadSaysToItselfIsNotCaptured()
    {
        Wire.ExplainResponse answer = Explain(TestMesh.Workload("web", "n1", "10.0.0.2"), "10.0.0.2", 80);
        Assert.Equal((Wire.Verdict.Allow, "itself", Wire.FlowPath.Passthrough), (answer.Verdict, answer.Reason, answer.Path));
    }

    [Fact]
    public void APortThatNeedsNoHeaderIsReachedByTheKernel()
    {
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.2") with { ProxyProtocolPorts = [new(25, TransportProtocol.Tcp)] };
        Assert.Equal(Wire.FlowPath.Direct, Explain(web, "10.0.0.1", 80).Path);
        Assert.Equal(Wire.FlowPath.Proxy, Explain(web, "10.0.0.1", 25).Path);
    }

    [Fact]
    public void APortOfLoadBalancersRefusesOthers()
    {
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.2") with { TrustedProxies = [new([new(443, TransportProtocol.Tcp)], [IpPrefix.Parse("192.0.2.0/24")])] };
        Wire.ExplainResponse stranger = Explain(web, "10.0.0.1", 443), balancer = Explain(web, "192.0.2.1", 443);
        Assert.Equal((Wire.Verdict.Deny, "proxy-protocol-untrusted"), (stranger.Verdict, stranger.Reason));
        Assert.Equal((Wire.Verdict.Allow, Wire.FlowPath.Passthrough), (balancer.Verdict, balancer.Path));
        Assert.Contains(balancer.Steps, s => s.Contains("from 192.0.2.0/24", StringComparison.Ordinal));
        Assert.Equal(Wire.Verdict.Allow, Explain(web, "10.0.0.1", 80).Verdict);
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void AUdpPortSaysHowItsBackendIsChosen(LoadBalancing method)
    {
        WorkloadInfo dns = TestMesh.Workload("dns", "n1", "10.0.0.2");
        ServiceInfo service = TestMesh.Service("dns", "10.96.0.1", TestMesh.Backend("shop/dns", "10.0.0.2"));
        service = service with { Ports = [service.Ports[0] with { Port = 53, Protocol = TransportProtocol.Udp, LoadBalancing = method }] };
        Wire.ExplainResponse answer = Explainer.Explain(
            TestMesh.Oracle(TestMesh.Snapshot([Client, dns], services: [service])),
            new() { Source = "shop/client", Destination = "shop/dns", Port = 53, Protocol = Wire.TransportProtocol.Udp });
        Assert.Equal(method == LoadBalancing.Random ? Wire.FlowPath.Direct : Wire.FlowPath.Proxy, answer.Path);
        Assert.Equal(method == LoadBalancing.SourceHash, answer.Steps.Any(s => s.Contains("each client always goes to the same one", StringComparison.Ordinal)));
    }

    [Theory]
    [InlineData("shop/web", 99, Wire.TransportProtocol.Tcp, "no tcp port 99")]
    [InlineData("10.96.0.1", 99, Wire.TransportProtocol.Tcp, "no tcp port 99")]
    [InlineData("fd96::1", 99, Wire.TransportProtocol.Tcp, "no tcp port 99")]
    [InlineData("10.96.0.1", 80, Wire.TransportProtocol.Udp, "no udp port 80")]
    [InlineData("fd96::1", 80, Wire.TransportProtocol.Udp, "no udp port 80")]
    public void AServicesAddressIsRefusedAtPortsThatTheServiceDoesNotHave(string destination, uint port, Wire.TransportProtocol protocol, string words)
    {
        Wire.ExplainResponse answer = ExplainService(destination, port, protocol);
        Assert.Equal((Wire.Verdict.Deny, "no-service-port", Wire.FlowPath.Direct), (answer.Verdict, answer.Reason, answer.Path));
        Assert.Equal($"service shop/web has {words}; it has 80/tcp, 81/tcp", answer.Steps[^1]);
        Assert.Equal(("shop/web", port), (answer.Destination.Service, answer.Destination.Port));
    }

    [Theory]
    [InlineData("10.96.0.1", 81u)]
    [InlineData("shop/web", 81u)]
    [InlineData("fd96::1", 80u)]
    public void AServicePortWithoutABackendOfTheAddressesFamilyIsRefused(string destination, uint port)
    {
        Wire.ExplainResponse answer = ExplainService(destination, port, Wire.TransportProtocol.Tcp);
        Assert.Equal((Wire.Verdict.Deny, "no-backend"), (answer.Verdict, answer.Reason));
    }

    [Theory]
    [InlineData("10.96.0.1", 99u)]
    [InlineData("shop/web", 80u)]
    public void WhatConfigurationExcludesIsLookedAtBeforeServices(string destination, uint port)
    {
        Wire.ExplainResponse answer = ExplainService(destination, port, Wire.TransportProtocol.Tcp, new MeshSettings { ExcludedCidrs = [IpPrefix.Parse("10.96.0.0/16")] });
        Assert.Equal((Wire.Verdict.Allow, "excluded"), (answer.Verdict, answer.Reason));
    }

    private static Wire.ExplainResponse ExplainService(string destination, uint port, Wire.TransportProtocol protocol, MeshSettings? mesh = null)
    {
        WorkloadInfo web = TestMesh.Workload("web", "n1", "10.0.0.2");
        ServiceInfo service = TestMesh.Service("web", "10.96.0.1 fd96::1", TestMesh.Backend("shop/web", "10.0.0.2"));
        service = service with { Ports = [service.Ports[0], service.Ports[0] with { Port = 81, Backends = [] }] };
        return Explainer.Explain(
            TestMesh.Oracle(TestMesh.Snapshot([Client, web], services: [service], mesh: mesh)),
            new() { Source = "shop/client", Destination = destination, Port = port, Protocol = protocol });
    }

    private static Wire.ExplainResponse Explain(WorkloadInfo web, string source, uint port) => Explainer.Explain(
        TestMesh.Oracle(TestMesh.Snapshot([Client, web])),
        new() { Source = source, Destination = "shop/web", Port = port, Protocol = Wire.TransportProtocol.Tcp });
}
