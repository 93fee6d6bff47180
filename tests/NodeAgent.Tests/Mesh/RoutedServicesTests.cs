using System.Collections.Immutable;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Datapath;

namespace Culvert.NodeAgent.Tests.Mesh;

/// <summary>What routes make of a Service for its clients.</summary>
public sealed class RoutedServicesTests
{
    private static readonly WorkloadInfo Client = TestMesh.Workload("client", "n1", "10.0.0.1"), Near = TestMesh.Workload("near", "n1", "10.0.0.2"), Far = TestMesh.Workload("far", "n2", "10.0.1.1");
    private static readonly WorkloadInfo Outside = TestMesh.Workload("outside", "n2", "10.0.1.9") with { Enrolled = false };
    private static readonly WorkloadInfo Consumer = TestMesh.Workload("consumer", "n1", "10.0.0.3") with { Name = new("edge", "consumer") };
    private static readonly SocketEndPoint Service = Point("10.96.0.1");

    [Fact]
    public void RoutesOfTheServicesNamespaceAreForAllClientsAndOthersForTheirOwn()
    {
        MeshView view = View(Web(), Route("shop", "owner"), Route("edge", "own"));
        Assert.Equal(OutboundRouteKind.Routed, view.Resolve(Client, Point("10.0.0.1"), Service, TransportProtocol.Tcp).Kind);
        Assert.Equal("owner", RouteFor(view, Client));
        Assert.Equal("own", RouteFor(view, Consumer));
        Assert.Equal(OutboundRouteKind.Deny, view.Resolve(Client, Point("10.0.0.1"), Service, TransportProtocol.Udp).Kind); // only TCP has requests
    }

    [Fact]
    public void WhereOnlyOthersHaveRoutesAClientIsLedToAllBackends()
    {
        MeshView view = View(Web(), Route("edge", "own"));
        Assert.Equal(OutboundRouteKind.Routed, view.Resolve(Consumer, Point("10.0.0.3"), Service, TransportProtocol.Tcp).Kind);
        Dictionary<OutboundRouteKind, int> seen = [];
        for (int i = 0; i < 300; i++)
        {
            OutboundRouteKind kind = view.Resolve(Client, Point("10.0.0.1"), Service, TransportProtocol.Tcp).Kind;
            seen[kind] = seen.GetValueOrDefault(kind) + 1;
        }

        // The kernel has drawn none of them.
        Assert.All([OutboundRouteKind.Local, OutboundRouteKind.Tunnel, OutboundRouteKind.Passthrough], kind => Assert.InRange(seen.GetValueOrDefault(kind), 50, 150));
    }

    [Fact]
    public void ABackendOfARouteIsAServiceOfAnyNameAndNeedsNoAddress()
    {
        ServiceInfo headless = TestMesh.Service("headless", "10.96.0.9", TestMesh.Backend("shop/far", "10.0.1.1")) with { Vips = [] };
        MeshView view = View(Web(), [headless], Route("shop", "owner", new HttpRouteBackend(headless.Name, 80)));
        Assert.Equal((OutboundRouteKind.Tunnel, "headless"), Of(view.ResolveBackend(Client, Point("10.0.0.1"), headless.Name, 80, default)));
        Assert.Equal(ProxyFailure.NoServicePort, view.ResolveBackend(Client, Point("10.0.0.1"), new("shop", "nowhere"), 80, default).Failure);
        Assert.Equal(ProxyFailure.NoBackend, view.ResolveBackend(Client, new SocketEndPoint(System.Net.IPAddress.Parse("fd00::1"), 40000), headless.Name, 80, default).Failure);

        static (OutboundRouteKind, string?) Of(in OutboundRoute route) => (route.Kind, route.Service?.Name.Name);
    }

    [Theory]
    [InlineData("http", true)]
    [InlineData("kubernetes.io/h2c", true)]
    [InlineData("mysql", false)]
    [InlineData(null, false)]
    public void WhereSomethingHoldsForRequestsAPortOfHttpIsRoutedWithoutRoutes(string? protocol, bool isRouted)
    {
        MeshView view = View(Counted(protocol));
        Assert.Equal(isRouted, view.Resolve(Client, Point("10.0.0.1"), Service, TransportProtocol.Tcp).Kind == OutboundRouteKind.Routed);
        if (isRouted) Assert.NotNull(view.ResolveBackend(Client, Point("10.0.0.1"), new("shop", "web"), 80, default).Requests);
    }

    [Fact]
    public void RoutesOfAnotherNamespaceLeaveItsOthersThePlainOne()
    {
        MeshView view = View(Counted("http"), Route("edge", "own"));
        Assert.Equal(("own", "web"), (RouteFor(view, Consumer), RouteFor(view, Client)));
    }

    [Theory]
    [InlineData(LoadBalancing.Random)]
    [InlineData(LoadBalancing.RoundRobin)]
    [InlineData(LoadBalancing.LeastConnections)]
    [InlineData(LoadBalancing.SourceHash)]
    public void BackendsWhoseRequestsHaveFailedGetNoneAlsoInTheNextSnapshot(LoadBalancing balancing)
    {
        List<SocketEndPoint> ejected = [];
        ServiceInfo web = Counted("http", balancing);
        MeshView view = new(Snapshot(web, [], []), 15008, ejected: (backend, _) => ejected.Add(backend.Address));
        view.Routes.Adopt();
        OutboundRoute first = Ask(view);
        Assert.Equal(web.Name, first.Requests!.Port.Service);
        first.Requests.Report(TryOutcome.Bad);
        for (int i = 0; i < 100; i++) Assert.NotEqual(first.Target, Ask(view).Target);
        view = View(web, [], [], view);
        for (int i = 0; i < 100; i++) Assert.NotEqual(first.Target, Ask(view).Target);
        Assert.Equal([first.Target], ejected);
        Ask(view).Requests!.Report(TryOutcome.Bad);
        Ask(view).Requests!.Report(TryOutcome.Bad);
        OutboundRoute none = Ask(view);
        Assert.Equal((OutboundRouteKind.Deny, ProxyFailure.NoBackend), (none.Kind, none.Failure));
        Assert.Contains("left out", none.Detail, StringComparison.Ordinal);

        static OutboundRoute Ask(MeshView view) => view.ResolveBackend(Client, Point("10.0.0.1"), new("shop", "web"), 80, default);
    }

    [Theory]
    [InlineData(LoadBalancing.Random)]
    [InlineData(LoadBalancing.RoundRobin)]
    [InlineData(LoadBalancing.LeastConnections)]
    [InlineData(LoadBalancing.SourceHash)]
    public void ARequestThatIsTriedAgainIsSentToBackendsItHasNotBeenTriedAtWhileThereAreAny(LoadBalancing balancing)
    {
        MeshView view = View(Counted("http", balancing));
        TriedBackends tried = new();
        for (int i = 0; i < 3; i++)
        {
            SocketEndPoint target = Ask(tried);
            Assert.False(tried.Contains(target));
            tried.With(target);
        }

        Assert.True(tried.Contains(Ask(tried)));

        SocketEndPoint Ask(TriedBackends tried) => view.ResolveBackend(Client, Point("10.0.0.1"), new("shop", "web"), 80, new RequestTraits(null, tried)).Target;
    }

    [Fact]
    public void WhatIsCountedOfABackendIsThereWhenItReturns()
    {
        ServiceInfo web = Counted("http");
        MeshView view = View(web);
        view.Routes.Adopt();
        OutboundRoute first = Ask(view);
        first.Requests!.Begin();
        first.Requests.Report(TryOutcome.Bad);
        ServiceInfo without = web with { Ports = [.. web.Ports.Select(p => p with { Backends = [.. p.Backends.Where(b => new SocketEndPoint(b.Address, b.Port) != first.Target)] })] };
        view = View(web, [], [], View(without, [], [], View(without, [], [], view)));
        view.Routes.Adopt();
        for (int i = 0; i < 100; i++) Assert.NotEqual(first.Target, Ask(view).Target);
        Assert.Equal(1, first.Requests.Running);
        first.Requests.Port.Settings = first.Requests.Port.Settings with { Outliers = null };
        OutboundRoute again = Ask(view);
        while (again.Target != first.Target) again = Ask(view);
        Assert.Same(first.Requests, again.Requests);
        Assert.Equal(0.1, first.Requests.WarmthAfter(TimeSpan.FromHours(1)), 0.01); // as if it were new

        // What was counted for another policy is not.
        MeshView plain = View(web with { Ports = [.. web.Ports.Select(p => p with { Requests = null })] }, [], [], View(without, [], [], view));
        view = View(web, [], [], plain);
        for (int i = 0; i < 100; i++) Assert.NotSame(first.Requests, Ask(view).Requests);

        static OutboundRoute Ask(MeshView view) => view.ResolveBackend(Client, Point("10.0.0.1"), new("shop", "web"), 80, default);
    }

    [Fact]
    public void SoIsARateLimitService()
    {
        ServiceInfo limits = TestMesh.Service("limits", "10.96.0.9", TestMesh.Backend("shop/far", "10.0.1.1"));
        GlobalRateLimit global = new() { Service = limits.Name, Port = 80, Domain = "a", Descriptors = [new RateLimitDescriptor { Entries = [new RateLimitEntry { Key = "a" }] }] };
        PolicyInfo policy = new() { Name = new("shop", "few"), Action = PolicyAction.Limit, Rules = [new PolicyRule { Limit = new RateLimit { Requests = 1, Seconds = 1, Burst = 1, Global = global } }] };
        NodeSnapshot snapshot = Snapshot(Web(), [limits], []);
        MeshView view = new(snapshot with { Policies = snapshot.Policies.Add(policy.Name, policy) }, 15008, null);
        Assert.Equal(OutboundRouteKind.Tunnel, view.ResolveBackend(Client, Point("10.0.0.1"), limits.Name, 80, default).Kind);
    }

    [Fact]
    public void SoIsAMirror()
    {
        ServiceInfo next = TestMesh.Service("next", "10.96.0.9", TestMesh.Backend("shop/far", "10.0.1.1"));
        HttpRouteInfo route = Route("shop", "owner");
        MeshView view = View(Web(), [next], route with { Rules = [route.Rules[0] with { Filters = new HttpRouteFilters { Mirrors = [new HttpRouteMirror(next.Name, 80)] } }] });
        Assert.Equal(OutboundRouteKind.Tunnel, view.ResolveBackend(Client, Point("10.0.0.1"), next.Name, 80, default).Kind);
    }

    [Fact]
    public void WhereAllAreLeftOutOrThereIsNoneTheFallbackIsAsked()
    {
        ServiceInfo backup = TestMesh.Service("backup", "10.96.0.9", TestMesh.Backend("shop/far", "10.0.1.1"));
        ServiceInfo web = WithFallback(Counted("http"), backup.Name), none = WithFallback(TestMesh.Service("none", "10.96.0.8"), backup.Name), lost = WithFallback(TestMesh.Service("lost", "10.96.0.7"), new("shop", "gone"));
        HttpRouteInfo route = Route("shop", "owner", new HttpRouteBackend(web.Name, 80), new HttpRouteBackend(none.Name, 80), new HttpRouteBackend(lost.Name, 80));
        MeshView view = View(web, [backup, none, lost], route);
        view.Routes.Adopt();
        for (int i = 0; i < 3; i++)
        {
            OutboundRoute asked = Ask(view, web);
            Assert.Equal(web.Name, asked.Service!.Name);
            asked.Requests!.Report(TryOutcome.Bad);
        }

        Assert.Equal(backup.Name, Ask(view, web).Service!.Name);
        Assert.Equal(backup.Name, Ask(view, none).Service!.Name);
        Assert.Equal((OutboundRouteKind.Deny, ProxyFailure.NoBackend), (Ask(view, lost).Kind, Ask(view, lost).Failure));

        static OutboundRoute Ask(MeshView view, ServiceInfo service) => view.ResolveBackend(Client, Point("10.0.0.1"), service.Name, 80, default);

        static ServiceInfo WithFallback(ServiceInfo service, NamespacedName fallback) => service with
        {
            Ports = [.. service.Ports.Select(p => p with { AppProtocol = "http", Requests = (p.Requests ?? new RequestSettings { Policy = service.Name }) with { Fallback = new FallbackService(fallback, 80) } })],
        };
    }

    [Fact]
    public void FallbacksThatNameEachOtherEndNowhere()
    {
        ServiceInfo one = TestMesh.Service("one", "10.96.0.8"), other = TestMesh.Service("other", "10.96.0.9");
        one = one with { Ports = [.. one.Ports.Select(p => p with { AppProtocol = "http", Requests = new RequestSettings { Policy = one.Name, Fallback = new FallbackService(other.Name, 80) } })] };
        other = other with { Ports = [.. other.Ports.Select(p => p with { AppProtocol = "http", Requests = new RequestSettings { Policy = one.Name, Fallback = new FallbackService(one.Name, 80) } })] };
        MeshView view = View(Web(), [one, other], Route("shop", "owner", new HttpRouteBackend(one.Name, 80)));
        Assert.Equal(ProxyFailure.NoBackend, view.ResolveBackend(Client, Point("10.0.0.1"), one.Name, 80, default).Failure);
    }

    [Theory]
    [InlineData(50, true)]
    [InlineData(100, false)]
    public void WhereAllThatAreLeftFailOneIsAskedUnlessAllMayBeOut(int percent, bool isAsked)
    {
        ServiceInfo web = Counted("http", percent: percent);
        MeshView view = View(web);
        view.Routes.Adopt();
        OutboundRoute first = view.ResolveBackend(Client, Point("10.0.0.1"), web.Name, 80, default);
        first.Requests!.Report(TryOutcome.Bad);
        MeshView alone = View(web with { Ports = [.. web.Ports.Select(p => p with { Backends = [.. p.Backends.Where(b => new SocketEndPoint(b.Address, b.Port) == first.Target)] })] }, [], [], view);
        Assert.Equal(isAsked ? first.Target : default, alone.ResolveBackend(Client, Point("10.0.0.1"), web.Name, 80, default).Target);
    }

    [Fact]
    public void WhatAViewSaysOfRequestsHoldsOnceItIsInForce()
    {
        ServiceInfo web = Counted("http");
        MeshDirectory directory = new(View(web));
        PortRequests port = directory.ResolveBackend(Client, Point("10.0.0.1"), web.Name, 80, default).Requests!.Port;
        RequestSettings other = port.Settings with { MaxRequests = 7 };
        MeshView next = View(web with { Ports = [.. web.Ports.Select(p => p with { Requests = other })] }, [], [], directory.View);
        Assert.Null(port.Settings.MaxRequests);
        directory.View = next;
        Assert.Equal(other, port.Settings);
    }

    [Fact]
    public void APortThatSpeaksSomethingElseHasNoRoutes()
    {
        ServiceInfo web = Web();
        MeshView view = View(web with { Ports = [.. web.Ports.Select(p => p with { AppProtocol = "mysql" })] }, Route("shop", "owner"));
        Assert.NotEqual(OutboundRouteKind.Routed, view.Resolve(Client, Point("10.0.0.1"), Service, TransportProtocol.Tcp).Kind);
    }

    [Fact]
    public void ATableIsKeptWhileItsRoutesAreTheSame()
    {
        HttpRouteInfo route = Route("shop", "owner");
        MeshView first = View(Web(), route), second = View(Web(), [], route with { }, first), third = new(first.Snapshot with { Version = 7 }, 15008, first);
        Assert.Same(first.FindRoutes(Client, Service), third.FindRoutes(Client, Service));
        Assert.NotSame(first.FindRoutes(Client, Service), second.FindRoutes(Client, Service));
    }

    private static string RouteFor(MeshView view, WorkloadInfo client)
    {
        Assert.True(view.FindRoutes(client, Service)!.TryFind(new RoutedRequest("GET"u8, "/"u8, new Proxy.Http.NoFields()), out HttpRouteHit? hit));
        return hit.Route.Name.Name;
    }

    [Fact]
    public void BackendsThatAreToBeAskedAreTheViewsAndAreFoundWhereTheyAre()
    {
        List<PortRequests> used = [];
        ServiceInfo web = CheckedWeb();
        MeshDirectory directory = new(View(Web()));
        MeshView Next(ServiceInfo service) => new(Snapshot(service, [], []), 15008, directory.View, used: used.Add);
        directory.View = Next(web);
        Assert.NotEqual(OutboundRouteKind.Deny, directory.ResolveBackend(null, Point("10.0.0.1"), web.Name, 80, default).Kind);
        Assert.Empty(used); // from outside the mesh
        directory.ResolveBackend(Client, Point("10.0.0.1"), web.Name, 80, default);
        PortRequests port = Assert.Single(used);
        Assert.Equal((Client, Point("10.0.0.1").WithPort(0)), (port.LastUse!.Workload, port.LastUse.Address));
        Assert.Equal(["10.0.0.2:8080", "10.0.1.1:8080", "10.0.1.9:8080"], port.Backends.Select(b => b.Address.ToString()).Order(StringComparer.Ordinal));
        Assert.All(port.Backends, b =>
        {
            OutboundRoute way = directory.ResolveCheck(Client, b);
            Assert.Equal((b.Address, "web", null, null), (way.Target, way.Service!.Name.Name, way.Requests, way.Load));
        });
        Assert.Equal(["http"], port.Backends.Where(b => b.Address.ToString() == "10.0.1.1:8080").Select(b => directory.ResolveCheck(Client, b).ApplicationProtocol));

        // Who is unhealthy gets none, and is told of.
        BackendRequests far = port.Backends.Single(b => b.Address.ToString() == "10.0.1.1:8080");
        Assert.True(far.ReportUnhealthy());
        for (int i = 0; i < 100; i++) Assert.NotEqual(far.Address, directory.ResolveBackend(Client, Point("10.0.0.1"), web.Name, 80, default).Target);
        Assert.Equal([(port, 1)], directory.View.Routes.Unhealthy);

        // It leaves the Service; what has its address when it is back is another, and well until told otherwise.
        ServicePort only = web.Ports[0];
        directory.View = Next(web with { Ports = [only with { Backends = [.. only.Backends.Where(b => b.WorkloadUid != "shop/far")] }] });
        Assert.Equal(2, port.Backends.Length);
        Assert.Equal(ProxyFailure.NoBackend, directory.ResolveCheck(Client, far).Failure);
        directory.View = Next(web);
        Assert.Equal(3, port.Backends.Length);
        Assert.Contains(far, port.Backends);
        Assert.False(far.IsOut || far.IsUnhealthy);

        // Without the policy nobody is any more.
        directory.View = Next(Web());
        Assert.Equal(ProxyFailure.NoBackend, directory.ResolveCheck(Client, far).Failure);
        Assert.Empty(directory.View.Routes.Unhealthy);
    }

    [Fact]
    public void WhereAllAreUnhealthyRequestsAreToldSoAndAskedForAllTheSame()
    {
        List<PortRequests> used = [];
        ServiceInfo web = CheckedWeb(new OutlierDetection(1, TimeSpan.FromHours(1), 100));
        MeshDirectory directory = new(new MeshView(Snapshot(web, [], []), 15008, used: used.Add));
        directory.View = directory.View; // in force
        directory.ResolveBackend(Client, Point("10.0.0.1"), web.Name, 80, default);
        foreach (BackendRequests backend in used[0].Backends) Assert.True(backend.ReportUnhealthy());
        used[0].OnUnchecked();
        OutboundRoute route = directory.ResolveBackend(Client, Point("10.0.0.1"), web.Name, 80, default);
        Assert.Equal((ProxyFailure.NoBackend, "all backends are left out because requests to them, or health checks, have failed"), (route.Failure, route.Detail));
        Assert.Equal(2, used.Count); // so that they are asked until they are well
    }

    private static ServiceInfo CheckedWeb(OutlierDetection? outliers = null)
    {
        ServiceInfo web = Web();
        RequestSettings settings = new() { Policy = web.Name, Outliers = outliers, HealthCheck = new HealthCheck(HealthCheckKind.Http) };
        return web with { Ports = [.. web.Ports.Select(p => p with { AppProtocol = "http", Requests = settings })] };
    }

    private static ServiceInfo Web() =>
        TestMesh.Service("web", "10.96.0.1", TestMesh.Backend("shop/near", "10.0.0.2"), TestMesh.Backend("shop/far", "10.0.1.1"), TestMesh.Backend("shop/outside", "10.0.1.9"));

    // One error is enough, for each of them.
    private static ServiceInfo Counted(string? protocol, LoadBalancing balancing = LoadBalancing.Random, int percent = 100)
    {
        ServiceInfo web = Web();
        RequestSettings settings = new() { Policy = web.Name, Outliers = new OutlierDetection(1, TimeSpan.FromHours(1), percent) };
        return web with { Ports = [.. web.Ports.Select(p => p with { AppProtocol = protocol, LoadBalancing = balancing, Requests = settings })] };
    }

    private static HttpRouteInfo Route(string ns, string name, params HttpRouteBackend[] backends) => new()
    {
        Name = new(ns, name),
        Kind = HttpRouteKind.Http,
        Parents = [new HttpRouteParent(new("shop", "web"))],
        Rules = [new HttpRouteRule { Matches = [new HttpRouteMatch()], Backends = [.. backends] }],
    };

    private static MeshView View(ServiceInfo web, params HttpRouteInfo[] routes) => View(web, [], routes, null);

    private static MeshView View(ServiceInfo web, ServiceInfo[] others, HttpRouteInfo route, MeshView? before = null) => View(web, others, [route], before);

    private static MeshView View(ServiceInfo web, ServiceInfo[] others, HttpRouteInfo[] routes, MeshView? before) => new(Snapshot(web, others, routes), 15008, before);

    private static NodeSnapshot Snapshot(ServiceInfo web, ServiceInfo[] others, HttpRouteInfo[] routes) => new()
    {
        Node = "n1",
        Workloads = new[] { Client, Near, Far, Outside, Consumer }.ToImmutableDictionary(w => w.Uid),
        Services = others.Append(web).ToImmutableDictionary(s => s.Name),
        HttpRoutes = routes.ToImmutableDictionary(r => r.Key),
    };

    private static SocketEndPoint Point(string address) => new(System.Net.IPAddress.Parse(address), (ushort)(address == "10.96.0.1" ? 80 : 40000));
}
