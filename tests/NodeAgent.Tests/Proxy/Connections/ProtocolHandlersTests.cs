using Culvert.Core;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Connections;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Transport;
using Culvert.NodeAgent.Tests.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Connections;

/// <summary>What serves a connection is found by the protocol of the port that it leads to.</summary>
public sealed class ProtocolHandlersTests
{
    private static readonly ServiceInfo Service = new()
    {
        Name = new NamespacedName("b", "bob"),
        Ports = [new ServicePort { Port = 80, AppProtocol = "http" }, new ServicePort { Port = 81, AppProtocol = "smtp" }, new ServicePort { Port = 82 }],
    };

    [Theory]
    [InlineData(80, "http")]
    [InlineData(81, "bytes")]
    [InlineData(82, "bytes")]
    [InlineData(83, "bytes")]
    [InlineData(null, "bytes")]
    public async Task APortIsServedByItsProtocolsHandlerAndElseByBytes(int? port, string expected)
    {
        List<string> served = [];
        await using TransportLab lab = new();
        await lab.OnLoopAsync(async () =>
        {
            await ServeAsync(lab.Loop, new FakeMesh(), new Handler("bytes", served), new Handler("http", served), port);
            return true;
        });
        Assert.Equal([expected], served);
    }

    [Fact]
    public async Task AnExceptionInAHandlerIsReportedAndResetsItsConnection()
    {
        FakeMesh mesh = new();
        using EventLoop loop = new(0, new EventLoopOptions(), TimeProvider.System, mesh);
        loop.Start();
        ConnectionGuard guard = await (await loop.InvokeAsync(() => ServeAsync(loop, mesh, new Handler(null, []), new Handler(null, []), 80)));
        Assert.Equal("on purpose", Assert.Single(mesh.Faults).Message);
        Assert.Equal(ProxyFailure.ProxyFault, Assert.Single(mesh.Failed).Failure);
        Assert.Equal(0, guard.OpenCount);
    }

    private static async Task<ConnectionGuard> ServeAsync(EventLoop loop, FakeMesh mesh, Handler bytes, Handler http, int? port)
    {
        using SocketPair pair = new();
        LoopSocket client = new(loop, pair.First, connected: true);
        ConnectionGuard guard = new(mesh, mesh, mesh, TimeProvider.System);
        ProxyConnectionInfo info = new()
        {
            Destination = TransportLab.ServerAddress.WithPort(port ?? 80),
            Service = port is null ? null : Service,
        };
        ProxiedConnection connection = guard.Enter(info, client);
        await new ProtocolHandlers(loop, bytes, new Dictionary<string, IProtocolHandler> { ["http"] = http }).ServeAsync(connection, client, new NoUpstream());
        connection.Withdraw();
        client.Dispose();
        return guard;
    }

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
