using System.Net;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Inside;

/// <summary>One proxy and two pods of its node that are captured inside their namespaces. As root.</summary>
internal sealed class InsideNode : IAsyncDisposable, IPodSpaces
{
    private readonly TestAuthority _authority = new();

    internal InsideNode(int loops = 1, int maxSockets = 128)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for network namespaces");
        Alice = new PodLab(1, ProxyPair.Workload("alice", "a", ProxyPair.Alice, IPAddress.Parse("10.91.0.1")));
        Bob = new PodLab(2, ProxyPair.Workload("bob", "b", ProxyPair.Bob, IPAddress.Parse("10.91.0.2")));
        PodLab.Connect(Alice, Bob);
        (Mesh.Local, Mesh.Neighbour, Mesh.Spaces) = (Alice.Workload, Bob.Workload, this);

        // No other node speaks for these addresses.
        Mesh.ClientAddressIsTrusted = false;
        foreach (string id in new[] { ProxyPair.Alice, ProxyPair.Bob })
        {
            TestLeaf leaf = _authority.Issue(id);
            SpiffeId identity = SpiffeId.Parse(id);
            Mesh.Identities[identity] = new TlsIdentity(identity, _authority.Context(false, leaf), _authority.Context(true, leaf));
        }

        Server = new ProxyServer(new ProxyOptions { Loops = loops, MaxSpaceSockets = maxSockets, OutboundListeners = [], TunnelListeners = [], Mark = new SocketMark(PodLab.Mark) }, Mesh.Agent, TimeProvider.System);
        Server.Start();
        AliceListeners = Server.OpenSpace(Alice.Space);
        BobListeners = Server.OpenSpace(Bob.Space);
        Alice.Capture(AliceListeners);
        Bob.Capture(BobListeners);
        Mesh.Route = destination => destination.WithPort(0) == Point(Bob, 0)
            ? OutboundRoute.Tunnel(destination.WithPort(PodLab.TunnelPort), destination, Bob.Workload)
            : OutboundRoute.Deny(ProxyFailure.NoRoute, "not in this test");
    }

    internal PodLab Alice { get; }

    internal PodLab Bob { get; }

    internal FakeMesh Mesh { get; } = new();

    internal ProxyServer Server { get; }

    internal SpaceListeners AliceListeners { get; }

    internal SpaceListeners BobListeners { get; }

    public PodSpace? Find(WorkloadInfo workload) => workload.Uid == Alice.Workload.Uid ? Alice.Space : workload.Uid == Bob.Workload.Uid ? Bob.Space : null;

    internal static SocketEndPoint Point(PodLab pod, int port) => new(pod.Address, port);

    /// <summary>Has a port of a Service lead to a pod of this node without a tunnel.</summary>
    internal void RouteToItself(PodLab pod, int port) => Mesh.Route = _ => OutboundRoute.Local(Point(pod, port), pod.Workload);

    public async ValueTask DisposeAsync()
    {
        await Server.DisposeAsync();
        Alice.Dispose();
        Bob.Dispose();
        _authority.Dispose();
        Assert.Empty(Mesh.Faults);
    }
}
