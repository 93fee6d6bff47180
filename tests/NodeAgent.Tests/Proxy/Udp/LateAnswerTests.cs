using System.Net;
using System.Net.Sockets;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Udp;

/// <summary>What is kept of a session that policy has ended, and for how long. That it swallows answers, UdpLateAnswerTests of tests/System.Tests shows.</summary>
public sealed class LateAnswerTests
{
    private static int _counter;
    private readonly byte[] _buffer = new byte[65536];
    private readonly string _net = $"127.87.{Interlocked.Increment(ref _counter)}";

    [Theory]
    [InlineData(1)]
    [InlineData(3)]
    public async Task ASessionOfTheSameClientTakesThePlaceAtOnce(int loops)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for IP_TRANSPARENT");
        await using UdpProxy proxy = new(transparent: true, loops);
        using Socket app = UdpProxy.Bind($"{_net}.1", 5300), client = UdpProxy.Bind($"{_net}.2");
        IPEndPoint destination = (IPEndPoint)app.LocalEndPoint!;
        proxy.RouteTo(destination);
        for (int i = 0; i < 4; i++)
        {
            client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, destination, [1]), EntryOf(proxy, loop: i % loops));
            EndPoint from = new IPEndPoint(IPAddress.Any, 0);
            Assert.Equal(1, app.ReceiveFrom(_buffer, ref from));
            Assert.Equal(client.LocalEndPoint, from);
            Assert.Equal(1, Used(proxy.Server));
            await EndByPolicyAsync(proxy, i + 1);
            Assert.Equal(1, Used(proxy.Server));
        }
    }

    [Fact]
    public async Task OthersHaveThePlaceWhenNoAnswerIsExpectedAnyMore()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for IP_TRANSPARENT");
        await using UdpProxy proxy = new(transparent: true, configure: o => o with { LateAnswerTime = TimeSpan.FromMilliseconds(100) });
        using Socket app = UdpProxy.Bind($"{_net}.1", 5300);
        IPEndPoint destination = (IPEndPoint)app.LocalEndPoint!;
        proxy.RouteTo(destination);
        Socket[] clients = [.. Enumerable.Range(2, 20).Select(i => UdpProxy.Bind($"{_net}.{i}"))];
        for (int round = 1; round <= 2; round++)
        {
            foreach (Socket client in clients)
            {
                client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, destination, [1]), proxy.Entry);
                Assert.Equal(1, app.Receive(_buffer));
            }

            await EndByPolicyAsync(proxy, round * clients.Length);
            await SocketExtensions.EventuallyAsync(() => Used(proxy.Server) == 0);
        }

        foreach (Socket client in clients) client.Dispose();
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task NobodyHoldsMorePlacesByChangesOfPolicyThanBySessions()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for IP_TRANSPARENT");
        const int Places = 8;
        await using UdpProxy proxy = new(transparent: true, configure: o => o with { MaxConnections = Places });
        using Socket app = UdpProxy.Bind($"{_net}.1", 5300);
        IPEndPoint destination = (IPEndPoint)app.LocalEndPoint!;
        proxy.RouteTo(destination);
        for (int i = 0; i < Places / 2; i++)
        {
            using Socket client = UdpProxy.Bind($"{_net}.2");
            client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, destination, [1]), proxy.Entry);
            Assert.Equal(1, app.Receive(_buffer));
            await EndByPolicyAsync(proxy, i + 1);
        }

        // It has its half now, as it would have of open sessions.
        using Socket one = UdpProxy.Bind($"{_net}.2");
        one.SendTo(UdpProxy.Captured(one.LocalEndPoint!, destination, [1]), proxy.Entry);
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Failed.Any(f => f.Failure == ProxyFailure.OverShare));
        Assert.Equal(Places / 2, Used(proxy.Server));
    }

    private static async Task EndByPolicyAsync(UdpProxy proxy, int ended)
    {
        proxy.Mesh.Allowed = false;
        proxy.Server.Revalidate();
        await SocketExtensions.EventuallyAsync(() => proxy.Mesh.Closed.Count(c => c.End.Failure == ProxyFailure.PolicyChanged) == ended);
        proxy.Mesh.Allowed = true;
    }

    private static int Used(ProxyServer server) => server.Places.Single(p => p.Pool == "workloads").Used;

    private static IPEndPoint EntryOf(UdpProxy proxy, int loop)
    {
        ProxyListener listener = proxy.Server.UdpListeners.First(l => l.Loop == loop && l.Local.IsIPv4);
        return new IPEndPoint(listener.Local.ToIPAddress(), listener.Local.Port);
    }
}
