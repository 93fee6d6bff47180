using System.Net;
using System.Net.Sockets;

namespace Culvert.NodeAgent.Tests.Proxy.Udp;

/// <summary>With addresses that are not the machine's own. Needs CAP_NET_ADMIN.</summary>
public sealed class UdpTransparentTests
{
    private static int _counter;
    private readonly byte[] _buffer = new byte[65536];
    private readonly string _net = $"127.88.{Interlocked.Increment(ref _counter)}";

    [Fact]
    public async Task TheApplicationSeesTheClientAndTheClientSeesWhatItAsked()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for IP_TRANSPARENT");
        await using UdpProxy proxy = new(transparent: true);
        using Socket app = UdpProxy.Bind($"{_net}.1", 5300), client = UdpProxy.Bind($"{_net}.2");
        IPEndPoint service = new(IPAddress.Parse($"{_net}.3"), 53);
        proxy.RouteTo(app.LocalEndPoint!);
        client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, service, [1]), proxy.Entry);
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(1, app.ReceiveFrom(_buffer, ref from));
        Assert.Equal(client.LocalEndPoint, from);

        // On one machine the answer finds the client's own socket before the proxy's: from the pod's view only the addresses count.
        app.SendTo([2], from);
        Assert.Equal(1, client.ReceiveFrom(_buffer, ref from));
    }

    [Fact]
    public async Task TwoSessionsOfOneClientToOnePodGetTheirOwnAnswers()
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for IP_TRANSPARENT");
        await using UdpProxy proxy = new(transparent: true);
        using Socket app = UdpProxy.Bind($"{_net}.1", 5300), client = UdpProxy.Bind($"{_net}.2");
        proxy.RouteTo(app.LocalEndPoint!);
        EndPoint first = new IPEndPoint(IPAddress.Any, 0), second = new IPEndPoint(IPAddress.Any, 0);
        client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, new IPEndPoint(IPAddress.Parse($"{_net}.3"), 53), [1]), proxy.Entry);
        Assert.Equal(1, app.ReceiveFrom(_buffer, ref first));
        client.SendTo(UdpProxy.Captured(client.LocalEndPoint!, new IPEndPoint(IPAddress.Parse($"{_net}.4"), 53), [2]), proxy.Entry);
        Assert.Equal(1, app.ReceiveFrom(_buffer, ref second));
        Assert.Equal(((IPEndPoint)first).Address, ((IPEndPoint)second).Address);
        Assert.NotEqual(((IPEndPoint)first).Port, ((IPEndPoint)second).Port);

        // The second one's socket has the client's address with another port: its answer comes back by the proxy, from the address asked.
        app.SendTo([7], second);
        EndPoint from = new IPEndPoint(IPAddress.Any, 0);
        Assert.Equal(1, client.ReceiveFrom(_buffer, ref from));
        Assert.Equal(new IPEndPoint(IPAddress.Parse($"{_net}.4"), 53), from);
    }
}
