using System.Net;
using System.Net.Sockets;
using Culvert.Core;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Mesh;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Tests.Datapath;
using Culvert.NodeAgent.Tests.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Connections;

/// <summary>What serves a connection is found by the protocol of the port that it leads to.</summary>
public sealed class ProtocolHandlersTests
{
    private static readonly WorkloadInfo Alice = TestMesh.Workload("alice", "n1", "10.0.0.1");
    private static readonly WorkloadInfo Bob = TestMesh.Workload("bob", "n1", "10.0.0.2") with { ApplicationPorts = [new(8080, "http"), new(8081, "smtp")] };

    private static readonly MeshView View = new(TestMesh.Snapshot([Alice, Bob], services:
    [
        new ServiceInfo
        {
            Name = new NamespacedName("shop", "bob"),
            Vips = [IPAddress.Parse("10.96.0.1")],
            Ports = [Port(80, "http"), Port(81, "smtp"), Port(82, null)],
        },
    ]), 15008);

    [Theory]
    [InlineData("10.96.0.1", 80, "http")]
    [InlineData("10.96.0.1", 81, "bytes")]
    [InlineData("10.96.0.1", 82, "bytes")]
    [InlineData("10.0.0.2", 8080, "http")]
    [InlineData("10.0.0.2", 8081, "bytes")]
    [InlineData("10.0.0.2", 8082, "bytes")]
    [InlineData("10.0.0.2", 80, "bytes")]
    public async Task APortIsServedByItsProtocolsHandlerAndElseByBytes(string address, int port, string expected)
    {
        List<string> served = [];
        SocketEndPoint destination = new(IPAddress.Parse(address), port);
        ProxyConnectionInfo info = new ProxyConnectionInfo { Destination = destination, Target = destination }
            .With(View.Resolve(Alice, new SocketEndPoint(Alice.Addresses[0], 40000), destination, TransportProtocol.Tcp), NoPodSpaces.Instance);

        // A load balancer's header tells another destination.
        info = info with { Destination = new SocketEndPoint(IPAddress.Parse("198.51.100.1"), 443) };
        await using TransportLab lab = new();
        await lab.OnLoopAsync(async () =>
        {
            await ServeAsync(lab.Loop, new FakeMesh(), new Handler("bytes", served), new Handler("http", served), info);
            return true;
        });
        Assert.Equal([expected], served);
    }

    [Fact]
    public async Task TheProtocolIsKnownOnTheDestinationsNode()
    {
        await using ProxyPair pair = new();
        pair.Destination.ApplicationProtocol = "http";
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await SocketExtensions.EventuallyAsync(() => !pair.Destination.Opened.IsEmpty && !pair.Source.Opened.IsEmpty);
        Assert.Equal("http", Assert.Single(pair.Destination.Opened).ApplicationProtocol);
        Assert.Null(Assert.Single(pair.Source.Opened).ApplicationProtocol);
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task TheProtocolIsKnownOfConnectionsFromOutsideTheMesh()
    {
        await using ProxyPair pair = new();
        pair.Source.Neighbour = pair.Source.Local;
        (pair.Source.Local, pair.Source.ApplicationProtocol, pair.Source.Allowed) = (null, "http", false);
        await pair.ExpectResetAsync(ProxyFailure.PolicyDenied);
        ProxyConnectionInfo info = Assert.Single(pair.Source.Failed).Info;
        Assert.Equal((ProxyDirection.Inbound, "http"), (info.Direction, info.ApplicationProtocol));
    }

    [Fact]
    public async Task AnExceptionInAHandlerIsReportedAndResetsItsConnection()
    {
        FakeMesh mesh = new();
        using EventLoop loop = new(0, new EventLoopOptions(), TimeProvider.System, mesh);
        loop.Start();
        ConnectionGuard guard = await (await loop.InvokeAsync(() => ServeAsync(loop, mesh, new Handler(null, []), new Handler(null, []), new ProxyConnectionInfo())));
        Assert.Equal("on purpose", Assert.Single(mesh.Faults).Message);
        Assert.Equal(ProxyFailure.ProxyFault, Assert.Single(mesh.Failed).Failure);
        Assert.Equal(0, guard.OpenCount);
    }

    private static async Task<ConnectionGuard> ServeAsync(EventLoop loop, FakeMesh mesh, Handler bytes, Handler http, ProxyConnectionInfo info)
    {
        using SocketPair pair = new();
        LoopSocket client = new(loop, pair.First, connected: true);
        ConnectionGuard guard = new(mesh, mesh, mesh, TimeProvider.System);
        ProxiedConnection connection = guard.TryAdmit(ref info, client, isDestinationHere: false, out _)!;
        await new ProtocolHandlers(loop, bytes, new Dictionary<HttpKind, IProtocolHandler> { [HttpKind.Http1] = http }).ServeAsync(connection, client, new NoUpstream());
        connection.Withdraw();
        client.Dispose();
        return guard;
    }

    private static ServicePort Port(ushort port, string? protocol) => new()
    {
        Port = port,
        AppProtocol = protocol,
        Backends = [new ServiceBackend(Bob.Uid, Bob.Addresses[0], (ushort)(port + 8000), 1)],
    };

    private sealed class Handler(string? name, List<string> served) : IProtocolHandler
    {
        public ValueTask ServeAsync(ProxiedConnection connection, ITransport client, IUpstream upstream)
        {
            served.Add(name ?? throw new InvalidOperationException("on purpose"));
            return ValueTask.CompletedTask;
        }
    }

    private sealed class NoUpstream : IUpstream
    {
        public ValueTask<UpstreamResult> ConnectAsync(ProxiedConnection connection) => new(new UpstreamResult(null, ProxyFailure.NoRoute));
    }
}
