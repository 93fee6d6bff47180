using System.Net;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Datapath;

namespace Culvert.NodeAgent.Tests.Mesh;

public sealed class MeshViewTests
{
    private static readonly WorkloadInfo Client = TestMesh.Workload("client", "n1", "10.0.0.1");
    private static readonly SocketEndPoint Client1 = Point("10.0.0.1", 40000);
    private static readonly WorkloadInfo Near = TestMesh.Workload("near", "n1", "10.0.0.2");
    private static readonly WorkloadInfo Far = TestMesh.Workload("far", "n2", "10.0.1.1");
    private static readonly WorkloadInfo Other = TestMesh.Workload("other", "n2", "10.0.1.2");
    private static readonly WorkloadInfo Unenrolled = TestMesh.Workload("outside", "n2", "10.0.1.9") with { Enrolled = false };

    [Fact]
    public void ARemoteWorkloadIsReachedByTunnelToItsOwnAddress()
    {
        OutboundRoute route = View().Resolve(Client, Client1, Point("10.0.1.1", 8080), TransportProtocol.Tcp);
        Assert.Equal(OutboundRouteKind.Tunnel, route.Kind);
        Assert.Equal(Point("10.0.1.1", 15008), route.Dial);
        Assert.Equal(Point("10.0.1.1", 8080), route.Target);
        Assert.Same(Far, route.Destination);
    }

    [Theory]
    [InlineData("10.0.1.9", (int)OutboundRouteKind.Passthrough)]
    [InlineData("192.0.2.7", (int)OutboundRouteKind.Passthrough)]
    [InlineData("10.0.0.2", (int)OutboundRouteKind.Local)]
    public void OtherDestinationsGoTheirWay(string address, int kind) => Assert.Equal((OutboundRouteKind)kind, View().Resolve(Client, Client1, Point(address, 80), TransportProtocol.Tcp).Kind);

    [Fact]
    public void AServiceIsDrawnByWeightAmongWhatTheKernelDoesNotDeliver()
    {
        ServiceInfo service = TestMesh.Service("web", "10.96.0.1", TestMesh.Backend("shop/near", "10.0.0.2", 50), TestMesh.Backend("shop/far", "10.0.1.1", 3), TestMesh.Backend("shop/other", "10.0.1.2", 1));
        MeshView view = View(service);
        int far = 0;
        for (int i = 0; i < 4000; i++)
        {
            OutboundRoute route = view.Resolve(Client, Client1, Point("10.96.0.1", 80), TransportProtocol.Tcp);
            Assert.Equal(OutboundRouteKind.Tunnel, route.Kind);
            if (route.Destination == Far) far++;
        }
        Assert.InRange(far, 2800, 3200);
    }

    [Fact]
    public void ABackendThatHasBeenDrawnIsTakenAsLongAsItIsOne()
    {
        MeshView view = View(TestMesh.Service("web", "10.96.0.1", TestMesh.Backend("shop/far", "10.0.1.1"), TestMesh.Backend("shop/other", "10.0.1.2")));
        foreach ((string drawn, WorkloadInfo expected) in new[] { ("10.0.1.1", Far), ("10.0.1.2", Other) })
        {
            for (int i = 0; i < 20; i++)
            {
                OutboundRoute route = view.Resolve(Client, Client1, Point("10.96.0.1", 80), TransportProtocol.Tcp, Point(drawn, 8080));
                Assert.Equal((OutboundRouteKind.Tunnel, Point(drawn, 8080), "web"), (route.Kind, route.Target, route.Service?.Name.Name));
                Assert.Same(expected, route.Destination);
            }
        }
        // One that ends has left the Service already; of another that is gone nobody has asked the node's rules.
        OutboundRoute ending = View(TestMesh.Service("web", "10.96.0.1", TestMesh.Backend("shop/far", "10.0.1.1"))).Resolve(Client, Client1, Point("10.96.0.1", 80), TransportProtocol.Tcp, Point("10.0.1.2", 8080));
        Assert.Equal((OutboundRouteKind.Tunnel, Point("10.0.1.2", 8080)), (ending.Kind, ending.Target));
        Assert.Equal(ProxyFailure.NoBackend, view.Resolve(Client, Client1, Point("10.96.0.1", 80), TransportProtocol.Tcp, Point("10.0.1.9", 8080)).Failure);
    }

    [Fact]
    public void ASessionOfDatagramsIsDrawnAnotherWhenItsBackendHasLeftTheService()
    {
        ServiceInfo service = TestMesh.Service("web", "10.96.0.1", TestMesh.Backend("shop/far", "10.0.1.1"));
        MeshView view = View(service with { Ports = [.. service.Ports.Select(p => p with { Protocol = TransportProtocol.Udp })] });
        Assert.Equal(OutboundRouteKind.Tunnel, view.Resolve(Client, Client1, Point("10.96.0.1", 80), TransportProtocol.Udp, Point("10.0.1.1", 8080)).Kind);

        // It still is in the mesh, and a connection that has begun would be let to it.
        Assert.Equal(ProxyFailure.NoBackend, view.Resolve(Client, Client1, Point("10.96.0.1", 80), TransportProtocol.Udp, Point("10.0.1.2", 8080)).Failure);
    }

    [Theory]
    [InlineData(TransportProtocol.Tcp)]
    [InlineData(TransportProtocol.Udp)]
    public void AClientThatIsABackendItselfIsItsOwnWhenTheKernelHasDrawnIt(TransportProtocol protocol)
    {
        ServiceInfo service = TestMesh.Service("web", "10.96.0.1", TestMesh.Backend("shop/client", "10.0.0.1"), TestMesh.Backend("shop/far", "10.0.1.1"), TestMesh.Backend("shop/other", "10.0.1.2"));
        MeshView view = View(service with { Ports = [.. service.Ports.Select(p => p with { Protocol = protocol })] });
        int own = 0;
        for (int i = 0; i < 3000; i++)
        {
            if (view.Resolve(Client, Client1, Point("10.96.0.1", 80), protocol).Kind == OutboundRouteKind.Local) own++;
        }
        // What goes to the others comes with the backend that was drawn.
        Assert.Equal(3000, own);
    }

    [Fact]
    public void AServiceWhoseOnlyBackendIsTheSourceComesBackToIt()
    {
        OutboundRoute route = View(TestMesh.Service("self", "10.96.0.2", TestMesh.Backend("shop/client", "10.0.0.1"))).Resolve(Client, Client1, Point("10.96.0.2", 80), TransportProtocol.Tcp);
        Assert.Equal(OutboundRouteKind.Local, route.Kind);
        Assert.Equal(Point("10.0.0.1", 8080), route.Target);
    }

    [Fact]
    public void AServiceWithoutBackendsOrWithoutThePortIsDenied()
    {
        MeshView view = View(TestMesh.Service("empty", "10.96.0.3"));
        Assert.Equal(ProxyFailure.NoBackend, view.Resolve(Client, Client1, Point("10.96.0.3", 80), TransportProtocol.Tcp).Failure);
        Assert.Equal(ProxyFailure.NoServicePort, view.Resolve(Client, Client1, Point("10.96.0.3", 81), TransportProtocol.Tcp).Failure);
    }

    [Theory]
    [InlineData("10.0.0.2")]
    [InlineData("10.0.1.1")]
    public void ThePortOfTunnelsIsDenied(string address) => Assert.Equal(ProxyFailure.TunnelPort, View().Resolve(Client, Client1, Point(address, 15008), TransportProtocol.Tcp).Failure);

    [Theory]
    [InlineData("10.0.1.1", (int)OutboundRouteKind.Tunnel)]
    [InlineData("10.0.0.2", (int)OutboundRouteKind.Local)]
    [InlineData("10.0.0.1", (int)OutboundRouteKind.Local)]
    [InlineData("10.0.1.9", (int)OutboundRouteKind.Passthrough)]
    [InlineData("10.96.0.1", (int)OutboundRouteKind.Tunnel)]
    [InlineData("10.96.0.2", (int)OutboundRouteKind.Local)]
    public void ASessionsRouteHoldsUntilItWouldBeGivenAnother(string address, int kind)
    {
        ServiceInfo[] services =
        [
            TestMesh.Service("web", "10.96.0.1", TestMesh.Backend("shop/far", "10.0.1.1")),
            TestMesh.Service("self", "10.96.0.2", TestMesh.Backend("shop/client", "10.0.0.1")),
        ];
        MeshView view = View(services);
        OutboundRoute route = view.Resolve(Client, Client1, Point(address, 80), TransportProtocol.Tcp);
        Assert.Equal((OutboundRouteKind)kind, route.Kind);
        Assert.True(view.IsCurrent(Client, route, Point(address, 80), TransportProtocol.Tcp));

        // Each of the other workloads is where it was not, or what it was not; the source itself can only be taken out of the mesh, which its own policy check sees.
        WorkloadInfo[] moved = [Client, Near with { Node = "n2" }, Far with { Node = "n1" }, Other, Unenrolled with { Enrolled = true }];
        MeshView next = new(TestMesh.Snapshot(moved, services: services), 15008);
        Assert.Equal(address is "10.0.0.1" or "10.96.0.2", next.IsCurrent(Client, route, Point(address, 80), TransportProtocol.Tcp));
    }

    [Fact]
    public void ASessionFromOutsideTheMeshHoldsItsRouteToAWorkloadOfThisNode()
    {
        OutboundRoute route = View().Resolve(source: null, Point("192.0.2.7", 5), Point("10.0.0.2", 80), TransportProtocol.Udp);
        Assert.Equal(OutboundRouteKind.Local, route.Kind);
        Assert.True(View().IsCurrent(source: null, route, Point("10.0.0.2", 80), TransportProtocol.Udp));
        MeshView moved = new(TestMesh.Snapshot([Client, Near with { Node = "n2" }]), 15008);
        Assert.False(moved.IsCurrent(source: null, route, Point("10.0.0.2", 80), TransportProtocol.Udp));
    }

    [Fact]
    public void OnlyEnrolledWorkloadsOfThisNodeAreLocal()
    {
        MeshView view = View();
        Assert.Same(Near, view.FindLocalWorkload(Point("10.0.0.2", 1234)));
        Assert.Null(view.FindLocalWorkload(Point("10.0.1.1", 0)));
        Assert.Null(view.FindLocalWorkload(Point("10.0.1.9", 0)));
    }

    [Fact]
    public void AConnectionOlderThanTheSnapshotIsEvaluatedByTheWorkloadAsItIsNow()
    {
        PolicyInfo deny = new() { Name = new NamespacedName("shop", "deny"), Action = PolicyAction.Deny, Rules = [new PolicyRule()] };
        MeshDirectory directory = new(View());
        Assert.True(directory.Authorize(Far.Identity, Point("10.0.1.1", 5), Near, 80, TransportProtocol.Tcp, isRead: false, out _).IsAllowed);
        directory.View = new MeshView(TestMesh.Snapshot([Client, Near with { PolicyNames = [deny.Name] }, Far], [deny]), 15008);
        Assert.False(directory.Authorize(Far.Identity, Point("10.0.1.1", 5), Near, 80, TransportProtocol.Tcp, isRead: false, out _).IsAllowed);
        directory.View = new MeshView(TestMesh.Snapshot([Client, Far]), 15008);
        Assert.False(directory.Authorize(Far.Identity, Point("10.0.1.1", 5), Near, 80, TransportProtocol.Tcp, isRead: false, out _).IsAllowed);
    }

    [Theory]
    [Trait("Category", "Attack")]
    [InlineData(null, false)]
    [InlineData("*", false)]
    [InlineData("spiffe://partner*", false)]
    [InlineData("spiffe://partner.example/ns/shop/*", true)]
    public void ThoseOfAnotherTrustDomainComeInWhereARuleNamesItAlone(string? pattern, bool isLetIn)
    {
        SpiffeId foreign = SpiffeId.Parse("spiffe://partner.example/ns/shop/sa/far");
        PolicyRule rule = new() { From = [new() { Identities = pattern is null ? [] : [StringPattern.Parse(pattern)] }], To = [new() { Ports = [80], Request = new() { Methods = ["GET"] } }] };
        PolicyInfo allow = new() { Name = new NamespacedName("shop", "allow"), Action = PolicyAction.Allow, Rules = [rule] };
        MeshDirectory directory = new(new MeshView(TestMesh.Snapshot([Client, Near, Far]), 15008));
        Assert.True(directory.Authorize(Far.Identity, Point("10.0.1.1", 5), Near, 80, TransportProtocol.Tcp, isRead: true, out _).IsAllowed);
        Assert.Equal(DecisionReason.DeniedByDefault, directory.Authorize(foreign, Point("192.0.2.9", 5), Near, 80, TransportProtocol.Tcp, isRead: true, out _).Reason);

        // Requests are decided as the connection is.
        directory.View = new MeshView(TestMesh.Snapshot([Client, Near with { PolicyNames = [allow.Name] }, Far], [allow]), 15008);
        Assert.Equal(isLetIn, directory.Authorize(foreign, Point("192.0.2.9", 5), Near, 80, TransportProtocol.Tcp, isRead: true, out RequestRules? rules).IsAllowed);
        Assert.Equal(isLetIn, rules?.Conditional.Any() == true);
    }

    [Theory]
    [InlineData("10.0.0.2", 80, false)]
    [InlineData("10.0.0.2", 9000, true)] // the port is excluded
    [InlineData("192.0.2.9", 80, true)] // the node's
    [InlineData("192.0.2.8", 80, false)]
    [InlineData("10.0.0.1", 80, true)] // its own
    [InlineData("10.96.0.1", 80, false)] // a Service that leads to the excluded port, by one that is not
    public void AnIsolatedWorkloadGetsOutToWhatIsExcludedToItsNodeAndToItself(string address, int port, bool isLetOut)
    {
        NetworkPolicyInfo isolated = new() { Name = new NamespacedName("shop", "isolated"), IsolatesEgress = true };
        WorkloadInfo client = Client with { NetworkPolicyNames = [isolated.Name] };
        ServiceInfo service = TestMesh.Service("web", "10.96.0.1", TestMesh.Backend("shop/near", "10.0.0.2"));
        NodeSnapshot snapshot = TestMesh.Snapshot([client, Near], services: [service]);
        snapshot = snapshot with
        {
            Mesh = snapshot.Mesh with { ExcludedPorts = [9000] },
            NetworkPolicies = snapshot.NetworkPolicies.Add(isolated.Name, isolated),
        };
        MeshDirectory directory = new(new MeshView(snapshot, 15008, isNodeAddress: IPAddress.Parse("192.0.2.9").Equals));
        SocketEndPoint destination = Point(address, port);
        SocketEndPoint target = address == "10.96.0.1" ? Point("10.0.0.2", 9000) : destination;
        Assert.Equal(isLetOut, directory.AuthorizeEgress(client, destination, target, TransportProtocol.Udp).IsAllowed);
    }

    [Fact]
    public void AWorkloadElsewhereHasTheApplicationProtocolOfTheFirstServiceThatDeclaresOne()
    {
        ServiceBackend far = TestMesh.Backend("shop/far", "10.0.1.1");
        MeshDirectory directory = new(View(Declaring("c", "smtp"), Declaring("b", "http"), Declaring("a", null)));
        Assert.Equal("http", directory.FindApplicationProtocol(Point("10.0.1.1", 8080), TransportProtocol.Tcp));
        Assert.Null(directory.FindApplicationProtocol(Point("10.0.1.1", 8080), TransportProtocol.Udp));
        Assert.Null(directory.FindApplicationProtocol(Point("10.0.1.1", 80), TransportProtocol.Tcp));
        Assert.Null(directory.FindApplicationProtocol(Point("10.0.0.2", 8080), TransportProtocol.Tcp));

        ServiceInfo Declaring(string name, string? protocol)
        {
            ServiceInfo service = TestMesh.Service(name, "10.96.0.9", far);
            return service with { Ports = [service.Ports[0] with { AppProtocol = protocol }] };
        }
    }

    [Fact]
    [Trait("Category", "Attack")]
    public void ResponsesOfAWorkloadOfThisNodeAreKeptAsTheFirstServiceOfItsNamespaceSays()
    {
        MeshDirectory directory = new(View(Caching("c", 3), Caching("b", 2), Caching("a", null), Caching("far", 4, TestMesh.Backend("shop/far", "10.0.1.1")), Caching("d", 1) with { Name = new("another", "d") }));
        Assert.Equal(2, directory.FindResponseCaching(Point("10.0.0.2", 8080))?.MaxResponseBytes);
        Assert.Null(directory.FindResponseCaching(Point("10.0.0.2", 80)));
        Assert.Null(directory.FindResponseCaching(Point("10.0.1.1", 8080)));
        Assert.Null(new MeshDirectory(View(Caching("d", 1) with { Name = new("another", "d") })).FindResponseCaching(Point("10.0.0.2", 8080)));

        ServiceInfo Caching(string name, int? bytes, ServiceBackend? backend = null)
        {
            ServiceInfo service = TestMesh.Service(name, "10.96.0.9", backend ?? TestMesh.Backend("shop/near", "10.0.0.2"));
            RequestSettings settings = new() { Policy = service.Name, Caching = bytes is { } most ? new ResponseCaching { MaxResponseBytes = most } : null };
            return service with { Ports = [service.Ports[0] with { AppProtocol = "http", Requests = settings }] };
        }
    }

    [Theory]
    [InlineData("http", "http2", "http")]
    [InlineData("tcp", "http", "tcp")]
    [InlineData(null, "http", null)]
    public void AWorkloadOfThisNodeSpeaksWhatIsSaidOfItselfWhateverAServiceSaysThatAClientAsks(string? own, string ofService, string? expected)
    {
        WorkloadInfo near = own is null ? Near : Near with { ApplicationPorts = [new ApplicationPort(8080, own)] };
        ServiceInfo service = TestMesh.Service("s", "10.96.0.9", TestMesh.Backend("shop/near", "10.0.0.2"));
        service = service with { Ports = [service.Ports[0] with { AppProtocol = ofService, LoadBalancing = LoadBalancing.RoundRobin }] };
        MeshDirectory directory = new(new MeshView(TestMesh.Snapshot([Client, near], services: [service]), 15008));
        OutboundRoute route = directory.Resolve(Client, Point("10.0.0.1", 5), Point("10.96.0.9", service.Ports[0].Port), TransportProtocol.Tcp);
        Assert.Equal((OutboundRouteKind.Local, expected), (route.Kind, route.ApplicationProtocol));
        Assert.Equal(own, directory.FindApplicationProtocol(Point("10.0.0.2", 8080), TransportProtocol.Tcp));
    }

    [Fact]
    public void OnOneNodeATunnelLeadsToAndFromWhoIsCapturedInsideItsNamespace()
    {
        foreach (WorkloadInfo inside in new[] { Client, Near })
        {
            MeshView view = Inside(inside);
            OutboundRoute route = view.Resolve(Client, Client1, Point("10.0.0.2", 80), TransportProtocol.Tcp);
            Assert.Equal((OutboundRouteKind.Tunnel, Point("10.0.0.2", 15008), Point("10.0.0.2", 80)), (route.Kind, route.Dial, route.Target));
            Assert.Same(Near, route.Destination);
            Assert.True(view.IsCurrent(Client, route, Point("10.0.0.2", 80), TransportProtocol.Tcp));
            Assert.False(View().IsCurrent(Client, route, Point("10.0.0.2", 80), TransportProtocol.Tcp));
        }
    }

    [Fact]
    public void ForWhoIsCapturedInsideAllOfAServicesWorkloadsAreDrawnFrom()
    {
        ServiceInfo service = TestMesh.Service(
            "web", "10.96.0.1", TestMesh.Backend("shop/client", "10.0.0.1"), TestMesh.Backend("shop/near", "10.0.0.2"), TestMesh.Backend("shop/far", "10.0.1.1"), TestMesh.Backend("shop/outside", "10.0.1.9"));
        foreach (LoadBalancing balancing in new[] { LoadBalancing.Random, LoadBalancing.RoundRobin, LoadBalancing.LeastConnections })
        {
            MeshView view = Inside(Client, service with { Ports = [.. service.Ports.Select(p => p with { LoadBalancing = balancing })] });
            Dictionary<(string, OutboundRouteKind), int> counts = [];
            for (int i = 0; i < 4000; i++)
            {
                OutboundRoute route = view.Resolve(Client, Client1, Point("10.96.0.1", 80), TransportProtocol.Tcp);
                (string, OutboundRouteKind) key = (route.Target.ToIPAddress().ToString(), route.Kind);
                counts[key] = counts.GetValueOrDefault(key) + 1;
            }
            Assert.Equal(
                [("10.0.0.1", OutboundRouteKind.Local), ("10.0.0.2", OutboundRouteKind.Tunnel), ("10.0.1.1", OutboundRouteKind.Tunnel)], counts.Keys.Order()); // the kernel forwards what goes to the one outside
            Assert.All(counts.Values, n => Assert.InRange(n, 1150, 1520));
        }
    }

    private static MeshView Inside(WorkloadInfo inside, params ServiceInfo[] services) =>
        new(TestMesh.Snapshot([Client, Near, Far, Other, Unenrolled], services: services), 15008, isInside: inside.Uid.Equals);

    private static MeshView View(params ServiceInfo[] services) => new(TestMesh.Snapshot([Client, Near, Far, Other, Unenrolled], services: services), 15008);

    private static SocketEndPoint Point(string address, int port) => new(IPAddress.Parse(address), port);
}
