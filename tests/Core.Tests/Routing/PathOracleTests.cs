using System.Collections.Immutable;
using System.Net;

namespace Culvert.Core.Tests;

/// <summary>Which way connections take. That the kernel's programs take the same is tested with them.</summary>
public sealed class PathOracleTests
{
    private const ushort TunnelPort = 15008;
    private static readonly WorkloadInfo Client = Given.Workload("client", "10.0.0.1");
    private static readonly WorkloadInfo Near = Given.Workload("near", "10.0.0.2") with { ProxyProtocolPorts = [new(25, TransportProtocol.Tcp), new(53, TransportProtocol.Udp)] };
    private static readonly WorkloadInfo Far = Given.Workload("far", "10.0.1.1") with { Node = "n2" };
    private static readonly WorkloadInfo Stranger = Given.Workload("stranger", "10.0.1.9") with { Enrolled = false };
    private static readonly ServicePort Plain = new() { Port = 80 };
    private static readonly ServicePort Balanced = new() { Port = 53, Protocol = TransportProtocol.Udp, LoadBalancing = LoadBalancing.SourceHash };

    private static readonly ServiceInfo Web = new() { Name = new("shop", "web"), Vips = [IPAddress.Parse("10.96.0.1"), IPAddress.Parse("10.7.0.1")], Ports = [Plain] };
    private static readonly MeshSettings Mesh = new() { ExcludedPorts = [22], ExcludedCidrs = [IpPrefix.Parse("10.7.0.0/16")] };

    private static readonly PathOracle Oracle = new(
        new SnapshotIndex(Given.Snapshot(Mesh, [], Client, Near, Far, Stranger) with { Services = new[] { Web }.ToImmutableDictionary(s => s.Name) }), TunnelPort);

    [Theory]
    [InlineData("10.0.0.2", 80, PathKind.Direct, PathReason.None)]
    [InlineData("10.0.0.2", 25, PathKind.Proxy, PathReason.ProxyProtocol)]
    [InlineData("10.0.0.2", TunnelPort, PathKind.Drop, PathReason.TunnelPort)]
    [InlineData("10.0.0.1", 80, PathKind.Pass, PathReason.Itself)]
    [InlineData("10.0.1.1", 80, PathKind.Tunnel, PathReason.None)]
    [InlineData("10.0.1.1", TunnelPort, PathKind.Drop, PathReason.TunnelPort)]
    [InlineData("10.0.1.9", 80, PathKind.Pass, PathReason.NotEnrolled)]
    [InlineData("192.0.2.1", TunnelPort, PathKind.Pass, PathReason.NotEnrolled)]
    public void AConnectionToAnAddress(string target, ushort port, PathKind kind, PathReason reason) =>
        Assert.Equal((kind, reason), To(new PathRequest(Client, Host(target), port, TransportProtocol.Tcp)));

    [Theory]
    [InlineData("10.0.0.2", PathKind.Direct, PathReason.None)]
    [InlineData("10.0.0.1", PathKind.Proxy, PathReason.Itself)]
    [InlineData("10.0.1.1", PathKind.Tunnel, PathReason.None)]
    [InlineData("192.0.2.1", PathKind.Pass, PathReason.NotEnrolled)]
    public void AConnectionByAService(string backend, PathKind kind, PathReason reason) =>
        Assert.Equal((kind, reason), To(new PathRequest(Client, Host(backend), 80, TransportProtocol.Tcp) { Service = Plain }));

    [Fact]
    public void DatagramsByAServiceThatLeadsOutOfTheMeshPassUnlessTheProxyChooses()
    {
        PathRequest request = new(Client, Host("192.0.2.1"), 53, TransportProtocol.Udp);
        Assert.Equal((PathKind.Pass, PathReason.NotEnrolled), To(request with { Service = Plain }));
        Assert.Equal((PathKind.Pass, PathReason.NotEnrolled), To(request with { Service = Balanced }));
        Assert.Equal((PathKind.Proxy, PathReason.LoadBalancing), To(request with { Target = Host("10.0.0.2"), Port = 5353, Service = Balanced }));
    }

    [Fact]
    public void DatagramsFromAPortBehindTheProxyMayBeAnswersAndOthersMayNot()
    {
        PathRequest request = new(Near, Host("10.0.0.1"), 40000, TransportProtocol.Udp);
        Assert.Equal((PathKind.Proxy, PathReason.ProxyProtocol), To(request with { SourcePort = 53 }));
        Assert.Equal((PathKind.Direct, PathReason.None), To(request with { SourcePort = 54 }));
        Assert.Equal((PathKind.Direct, PathReason.None), To(request with { SourcePort = 25, Protocol = TransportProtocol.Tcp }));
    }

    [Theory]
    [InlineData("10.0.0.2", 80, PathKind.Direct)]
    [InlineData("10.0.0.2", 25, PathKind.Proxy)]
    [InlineData("10.0.1.1", 80, PathKind.Pass)]
    public void FromOutsideTheMeshTheKernelDeliversHereAndPassesOn(string target, ushort port, PathKind kind)
    {
        Assert.Equal(kind, To(new PathRequest(null, Host(target), port, TransportProtocol.Tcp)).Kind);
        Assert.Equal(kind, To(new PathRequest(Stranger, Host(target), port, TransportProtocol.Tcp)).Kind);
    }

    [Theory]
    [InlineData("10.96.0.1", 80, AddresseeKind.ServicePort)]
    [InlineData("10.96.0.1", 81, AddresseeKind.UnknownServicePort)]
    [InlineData("10.96.0.1", 22, AddresseeKind.Excluded)]
    [InlineData("10.7.0.1", 80, AddresseeKind.Excluded)]
    [InlineData("10.0.0.2", 80, AddresseeKind.Host)]
    [InlineData("192.0.2.1", 22, AddresseeKind.Excluded)]
    public void WhatIsExcludedIsLookedAtBeforeServices(string address, ushort port, AddresseeKind kind) =>
        Assert.Equal(kind, Oracle.Find(Host(address), port, TransportProtocol.Tcp).Kind);

    [Theory]
    [InlineData("client", "10.0.0.2", 80, PathKind.Tunnel, PathReason.Inside)]
    [InlineData("near", "10.0.0.2", 80, PathKind.Tunnel, PathReason.Inside)]
    [InlineData("near", "10.0.0.2", 25, PathKind.Tunnel, PathReason.Inside)]
    [InlineData("client", "10.0.0.1", 80, PathKind.Pass, PathReason.Itself)]
    [InlineData("client", "10.0.1.1", 80, PathKind.Tunnel, PathReason.None)]
    [InlineData("far", "10.0.1.1", 80, PathKind.Tunnel, PathReason.None)]
    [InlineData("far", "10.0.0.2", 80, PathKind.Direct, PathReason.None)]
    [InlineData("client", "10.0.1.9", 80, PathKind.Pass, PathReason.NotEnrolled)]
    [InlineData("near", "10.0.0.2", TunnelPort, PathKind.Drop, PathReason.TunnelPort)]
    public void WhoIsCapturedInsideItsNamespaceIsReachedByTunnelsAlsoOnOneNode(string inside, string target, ushort port, PathKind kind, PathReason reason) =>
        Assert.Equal((kind, reason), To(new PathRequest(Client, Host(target), port, TransportProtocol.Tcp), Inside(inside)));

    [Fact]
    public void APodCapturedInsideReachesItselfByAServiceWithoutATunnelAndOthersWithOne()
    {
        PathRequest request = new(Client, Host("10.0.0.1"), 80, TransportProtocol.Tcp) { Service = Plain };
        Assert.Equal((PathKind.Proxy, PathReason.Itself), To(request, Inside("client")));
        Assert.Equal((PathKind.Proxy, PathReason.LoadBalancing), To(request with { Service = Balanced }, Inside("client")));
        Assert.Equal((PathKind.Tunnel, PathReason.Inside), To(request with { Target = Host("10.0.0.2"), Service = Balanced }, Inside("client")));
        Assert.Equal((PathKind.Tunnel, PathReason.Inside), To(new PathRequest(Near, Host("10.0.0.1"), 40000, TransportProtocol.Udp) { SourcePort = 53 }, Inside("near")));
    }

    [Fact]
    public void FromOutsideTheMeshThereIsNoTunnelToWhoIsCapturedInside()
    {
        Assert.Equal(PathKind.Direct, To(new PathRequest(null, Host("10.0.0.2"), 80, TransportProtocol.Tcp), Inside("near")).Kind);
        Assert.Equal(PathKind.Direct, To(new PathRequest(Stranger, Host("10.0.0.2"), 80, TransportProtocol.Tcp), Inside("near")).Kind);
    }

    private static PathOracle Inside(string name) => new(Oracle.World, TunnelPort, isInside: World(name).Uid.Equals);

    private static WorkloadInfo World(string name) => Oracle.World.Snapshot.Workloads.Values.Single(w => w.Name.Name == name);

    private static (PathKind Kind, PathReason Reason) To(PathRequest request, PathOracle? oracle = null)
    {
        ConnectionPath path = (oracle ?? Oracle).To(request);
        return (path.Kind, path.Reason);
    }

    private static IpPrefix Host(string address) => IpPrefix.Host(IPAddress.Parse(address));
}
