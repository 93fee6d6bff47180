using System.Collections.Concurrent;
using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Udp;

namespace Culvert.NodeAgent.Tests.Proxy.Udp;

/// <summary>Datagrams to a Service that reach the proxy with the address of the backend that the kernel has drawn. The test plays the kernel; every address of 127.0.0.0/8 is a backend.</summary>
public sealed class UdpDrawTests
{
    private static readonly IPEndPoint Service = new(IPAddress.Parse("10.96.0.10"), 53);
    private readonly byte[] _buffer = new byte[65536];
    private readonly FakeDraws _draws = new();

    [Fact]
    public async Task TheBackendThatWasDrawnIsTaken()
    {
        await using UdpProxy proxy = Start();
        using Socket app = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!);
        for (byte i = 0; i < 3; i++) Exchange(proxy, client, app, Backend(proxy, 2), i);
        Assert.Equal(Point(Backend(proxy, 2)), Assert.Single(proxy.Mesh.Drawn));
        Assert.Equal(Point(Service), Assert.Single(proxy.Mesh.Opened).Destination);
    }

    [Fact]
    public async Task AnotherDrawIsAnotherSession()
    {
        await using UdpProxy proxy = Start();
        using Socket app = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!);
        Exchange(proxy, client, app, Backend(proxy, 2), 1);
        Exchange(proxy, client, app, Backend(proxy, 3), 2);
        Exchange(proxy, client, app, Backend(proxy, 3), 3);
        Assert.Equal([Point(Backend(proxy, 2)), Point(Backend(proxy, 3))], proxy.Mesh.Drawn);
        Assert.Equal(ProxyFailure.RouteChanged, Assert.Single(proxy.Mesh.Closed).End.Failure);
        Assert.Equal(1, Assert.Single(await proxy.Server.GetStatsAsync()).UdpSessions);

        // The kernel is asked to forget the first draw alone, which it has done; what it has now is the second session's.
        Assert.Equal([(Point(Service), Point(Backend(proxy, 2)))], _draws.Forgotten);
    }

    [Fact]
    public async Task ADrawIsForgottenWithItsSession()
    {
        await using UdpProxy proxy = Start();
        using Socket app = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!);
        Exchange(proxy, client, app, Backend(proxy, 2), 1);
        Assert.Empty(_draws.Forgotten);
        proxy.Mesh.Route = _ => OutboundRoute.Passthrough(Point(app.LocalEndPoint!));
        proxy.Server.Revalidate();
        await SocketExtensions.EventuallyAsync(() => !_draws.Forgotten.IsEmpty);
        Assert.Equal([(Point(Service), Point(Backend(proxy, 2)))], _draws.Forgotten);
    }

    [Fact]
    public async Task TheNextAgentGoesOnWithWhatWasDrawn()
    {
        await using (UdpProxy proxy = Start())
        {
            using Socket app = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
            proxy.RouteTo(app.LocalEndPoint!);
            Exchange(proxy, client, app, Backend(proxy, 2), 1);
        }

        Assert.Empty(_draws.Forgotten);
    }

    [Fact]
    public async Task OneWhoseBackendIsGoneIsForgottenAtOnce()
    {
        await using UdpProxy proxy = Start();
        using Socket client = UdpProxy.Bind("127.0.0.1");
        proxy.Mesh.Route = _ => OutboundRoute.Deny(ProxyFailure.NoBackend, "the backend that was drawn is gone");
        client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, [1], drawn: true), Backend(proxy, 2));
        await SocketExtensions.EventuallyAsync(() => !_draws.Forgotten.IsEmpty);
        Assert.Equal(0, Assert.Single(await proxy.Server.GetStatsAsync()).UdpSessions);
        Assert.Equal(ProxyFailure.NoBackend, Assert.Single(proxy.Mesh.Failed).Failure);
    }

    [Fact]
    public async Task WhatCameWithoutAHeaderIsOfTheServicesSession()
    {
        await using UdpProxy proxy = Start();
        using Socket app = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!);
        IPEndPoint plain = new(IPAddress.Parse("127.0.0.2"), proxy.PlainEntry.Port);
        _draws.Service = asked => asked == Point(plain) ? Point(Service) : null;
        client.SendTo([7], plain);
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(1, app.ReceiveFrom(_buffer, ref from));
        Assert.Equal(Point(plain), Assert.Single(proxy.Mesh.Drawn));
        Assert.Equal(Point(Service), Assert.Single(proxy.Mesh.Opened).Destination);

        // Those after it are found without asking the kernel.
        _draws.Service = _ => throw new InvalidOperationException("the kernel is asked again");
        client.SendTo([8], plain);
        Assert.Equal(1, app.ReceiveFrom(_buffer, ref from));
        Assert.Equal(8, _buffer[0]);
    }

    [Fact]
    public async Task WhatWasNotDrawnHasToSayWhereItWasSent()
    {
        await using UdpProxy proxy = Start(check: true);
        using Socket app = UdpProxy.Bind("127.0.0.1"), client = UdpProxy.Bind("127.0.0.1");
        proxy.RouteTo(app.LocalEndPoint!);
        client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, [1]), Backend(proxy, 2));
        client.SendTo(UdpProxy.Captured(new IPEndPoint(IPAddress.Loopback, 9), Service, [1], drawn: true), Backend(proxy, 2));
        Exchange(proxy, client, app, Backend(proxy, 2), 2);
        Assert.Equal(2, proxy.HeaderErrors(Culvert.Core.ProxyProtocolError.AddressMismatch));
    }

    private UdpProxy Start(bool check = false) => new(
        configure: o => o with { UdpListeners = [new SocketEndPoint(IPAddress.Any, 0)], PlainListeners = [new SocketEndPoint(IPAddress.Any, 0)], CheckCaptured = check },
        draws: _draws);

    private static IPEndPoint Backend(UdpProxy proxy, int number) => new(IPAddress.Parse($"127.0.0.{number}"), proxy.Entry.Port);

    private static SocketEndPoint Point(EndPoint point) => UdpProxy.Point((IPEndPoint)point);

    // The proxy is not transparent here: answers come from an address of its own.
    private void Exchange(UdpProxy proxy, Socket client, Socket app, IPEndPoint backend, byte number)
    {
        client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, Service, [number], drawn: true), backend);
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(1, app.ReceiveFrom(_buffer, ref from));
        Assert.Equal(number, _buffer[0]);
        app.SendTo([number], from);
        Assert.Equal(1, client.Receive(_buffer));
        Assert.Equal(number, _buffer[0]);
    }

    private sealed class FakeDraws : IDatagramDraws
    {
        internal Func<SocketEndPoint, SocketEndPoint?> Service { get; set; } = _ => null;

        internal ConcurrentQueue<(SocketEndPoint Service, SocketEndPoint? Drawn)> Forgotten { get; } = [];

        public SocketEndPoint? FindBackend(in UdpSessionKey session) => null;

        public SocketEndPoint? FindService(in SocketEndPoint client, in SocketEndPoint backend) => Service(backend);

        public void Forget(in UdpSessionKey session, in SocketEndPoint? drawn) => Forgotten.Enqueue((session.Destination, drawn));
    }
}
