using System.Net;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Tests.Datapath;

namespace Culvert.NodeAgent.Tests.Mesh;

/// <summary>How a UDP Service port picks the backend of a session.</summary>
public sealed class LoadBalancingTests
{
    private static readonly WorkloadInfo Client = TestMesh.Workload("client", "n1", "10.0.0.1");
    private static readonly SocketEndPoint Vip = new(IPAddress.Parse("10.96.0.1"), 80);

    [Fact]
    public void RoundRobinTakesTurns()
    {
        MeshView view = View(LoadBalancing.RoundRobin, [1, 1, 1]);
        Assert.All(Enumerable.Range(0, 30).Select(_ => Choose(view, 1)).GroupBy(r => r.Target), g => Assert.Equal(10, g.Count()));
    }

    [Fact]
    public void LeastSessionsFollowsWhatRunsByWeightAndOverSnapshots()
    {
        MeshView view = View(LoadBalancing.LeastSessions, [1, 3]);
        for (int i = 0; i < 40; i++) Choose(view, i).Load!.Add();
        Assert.InRange(Load(view, 0), 9, 11);
        view = View(LoadBalancing.LeastSessions, [1, 1], view);
        for (int i = 0; i < 20; i++) Choose(view, i).Load!.Add();
        Assert.Equal(30, Load(view, 0));
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

    private static OutboundRoute Choose(MeshView view, int client, ushort port = 5) =>
        view.Resolve(Client, new SocketEndPoint(new IPAddress([10, 1, (byte)(client >> 8), (byte)client]), port), Vip, TransportProtocol.Udp);

    private static int Load(MeshView view, int backend)
    {
        for (int i = 0; ; i++)
        {
            OutboundRoute route = Choose(view, i);
            if (route.Target == Backend(backend)) return route.Load!.Sessions;
            route.Load!.Add();
        }
    }

    private static SocketEndPoint Backend(int index) => new(IPAddress.Parse($"10.0.1.{index + 1}"), 8080);

    private static MeshView View(LoadBalancing balancing, ushort[] weights, MeshView? previous = null)
    {
        ServiceInfo service = TestMesh.Service("names", "10.96.0.1");
        ServicePort port = new()
        {
            Port = 80,
            Protocol = TransportProtocol.Udp,
            LoadBalancing = balancing,
            Backends = [.. weights.Select((w, i) => TestMesh.Backend($"shop/far{i}", $"10.0.1.{i + 1}", w))],
        };
        WorkloadInfo[] far = [.. weights.Select((_, i) => TestMesh.Workload($"far{i}", "n2", $"10.0.1.{i + 1}"))];
        return new MeshView(TestMesh.Snapshot([Client, .. far], services: [service with { Ports = [port] }]), 15008, previous);
    }
}
