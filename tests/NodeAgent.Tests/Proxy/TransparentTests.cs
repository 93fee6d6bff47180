using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>The application's peer address is the real client. Needs CAP_NET_ADMIN.</summary>
public sealed class TransparentTests
{
    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task TheApplicationSeesTheClientsAddressAndItsPortWhenFree(bool portIsShareable)
    {
        Assert.SkipUnless(Environment.IsPrivilegedProcess, "needs root for IP_TRANSPARENT");
        await using ProxyPair pair = new(o => o with { Transparent = true, Mark = new SocketMark(0x20) });
        using Socket listener = pair.ListenByTunnel();
        using Socket client = new(SocketType.Stream, ProtocolType.Tcp);

        // On one machine the client's own socket holds the port, unless it allows sharing; between nodes the port is free. (.NET's Bind sets SO_REUSEADDR.) What connect has chosen for it can serve another
        // destination, too, where the proxy can have it by connect as well.
        bool isShared = portIsShareable || Environment.OSVersion.Version >= new Version(6, 3);
        if (portIsShareable) client.Bind(new IPEndPoint(IPAddress.Parse("127.55.0.9"), 0));
        await client.ConnectAsync(pair.Entry);
        using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        IPEndPoint seen = (IPEndPoint)server.RemoteEndPoint!, real = (IPEndPoint)client.LocalEndPoint!;
        Assert.Equal(real.Address.MapToIPv4(), seen.Address.MapToIPv4());
        Assert.Equal(isShared, real.Port == seen.Port);
    }
}
