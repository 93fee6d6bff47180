using System.Net;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Datapath;

namespace Culvert.NodeAgent.Tests.Mesh;

/// <summary>How the proxy picks the backend of a connection or session to a Service port.</summary>
public sealed class LoadBalancingTests
{
    private static readonly WorkloadInfo Client = TestMesh.Workload("client", "n1", "10.0.0.1");
    private static readonly SocketEndPoint Vip = new(IPAddress.Parse("10.96.0.1"), 80);

    public static TheoryData<LoadBalancing> Methods => [.. Enum.GetValues<LoadBalancing>()];

    [Theory]
    [InlineData(TransportProtocol.Tcp)]
    [InlineData(TransportProtocol.Udp)]
    public void RoundRobinTakesTurnsByWeightAndOverSnapshots(TransportProtocol protocol)
    {
        MeshView? view = null;
        List<SocketEndPoint> chosen = [];
        for (int i = 0; i < 50; i++)
        {
            view = View(LoadBalancing.RoundRobin, [1, 3, 1], view, protocol);
            chosen.Add(Choose(view, 1, protocol: protocol).Target);
        }

        Assert.Equal([10, 30, 10], Enumerable.Range(0, 3).Select(b => chosen.Count(c => c == Backend(b))));
    }

    [Fact]
    public void RandomIsByWeight()
    {
        MeshView view = View(LoadBalancing.Random, [1, 3], protocol: TransportProtocol.Tcp);
        Assert.InRange(Enumerable.Range(0, 4000).Count(_ => Choose(view, 1, protocol: TransportProtocol.Tcp).Target == Backend(0)), 850, 1150);
    }

    [Theory]
    [InlineData(TransportProtocol.Tcp)]
    [InlineData(TransportProtocol.Udp)]
    public void LeastConnectionsFollowsWhatRunsByWeightAndOverSnapshots(TransportProtocol protocol)
    {
        MeshView view = View(LoadBalancing.LeastConnections, [1, 3], protocol: protocol);
        for (int i = 0; i < 40; i++) Choose(view, i, protocol: protocol).Load!.Add();
        Assert.InRange(Load(view, 0, protocol), 9, 11);
        view = View(LoadBalancing.LeastConnections, [1, 1], view, protocol);
        for (int i = 0; i < 20; i++) Choose(view, i, protocol: protocol).Load!.Add();
        Assert.Equal(30, Load(view, 0, protocol));
    }

    [Fact]
    public void SourceHashKeepsClientsAndMovesFewWhenABackendGoes()
    {
        MeshView three = View(LoadBalancing.SourceHash, [1, 1, 1]), two = View(LoadBalancing.SourceHash, [1, 1]);
        int[] counts = new int[3];
        for (int i = 0; i < 3000; i++)
        {
            SocketEndPoint before = Choose(three, i).Target, again = Choose(three, i, port: 7).Target, after = Choose(two, i).Target;
            Assert.Equal(before, again);
            if (before != Backend(2)) Assert.Equal(before, after);
            counts[Enumerable.Range(0, 3).Single(b => Backend(b) == before)]++;
        }

        Assert.All(counts, c => Assert.InRange(c, 900, 1100));
    }

    [Theory]
    [MemberData(nameof(Methods))]
    public void WhatTheKernelForwardsOutOfTheMeshIsNotChosenAgain(LoadBalancing balancing)
    {
        MeshView view = View(balancing, [1, 3, 1], plain: 1);
        List<SocketEndPoint> chosen = [.. Enumerable.Range(0, 400).Select(i => Choose(view, i).Target)];
        Assert.Equal(0, chosen.Count(c => c == Backend(1)));
        Assert.InRange(chosen.Count(c => c == Backend(0)), 150, 250);
    }

    private static OutboundRoute Choose(MeshView view, int client, ushort port = 5, TransportProtocol protocol = TransportProtocol.Udp) =>
        view.Resolve(Client, new SocketEndPoint(new IPAddress([10, 1, (byte)(client >> 8), (byte)client]), port), Vip, protocol);

    private static int Load(MeshView view, int backend, TransportProtocol protocol)
    {
        for (int i = 0; ; i++)
        {
            OutboundRoute route = Choose(view, i, protocol: protocol);
            if (route.Target == Backend(backend)) return route.Load!.Count;
            route.Load!.Add();
        }
    }

    private static SocketEndPoint Backend(int index) => new(IPAddress.Parse($"10.0.1.{index + 1}"), 8080);

    private static MeshView View(LoadBalancing balancing, ushort[] weights, MeshView? previous = null, TransportProtocol protocol = TransportProtocol.Udp, int? plain = null)
    {
        ServiceInfo service = TestMesh.Service("names", "10.96.0.1");
        ServicePort port = new()
        {
            Port = 80,
            Protocol = protocol,
            LoadBalancing = balancing,
            Backends = [.. weights.Select((w, i) => TestMesh.Backend($"shop/far{i}", $"10.0.1.{i + 1}", w))],
        };
        WorkloadInfo[] far = [.. weights.Select((_, i) => TestMesh.Workload($"far{i}", "n2", $"10.0.1.{i + 1}") with { Enrolled = i != plain })];
        return new MeshView(TestMesh.Snapshot([Client, .. far], services: [service with { Ports = [port] }]), 15008, previous);
    }
}
