using System.Net.Sockets;
using Culvert.NodeAgent.Proxy;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>A proxy that stops.</summary>
public sealed class DrainTests
{
    [Fact]
    public async Task DrainLetsConnectionsEnd()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        Task<bool> drain = pair.DestinationProxy.DrainAsync(TimeSpan.FromSeconds(20));
        await SocketExtensions.EventuallyAsync(() =>
        {
            try
            {
                using Socket probe = new(SocketType.Stream, ProtocolType.Tcp);
                probe.Connect(ProxyPair.ToIp(pair.Tunnel));
                return false;
            }
            catch (SocketException)
            {
                return true;
            }
        });
        await client.SendAllAsync("bye"u8.ToArray());
        await server.ReceiveExactlyAsync(3);
        Assert.False(drain.IsCompleted);
        client.Dispose();
        server.Dispose();
        Assert.True(await drain);
    }

    [Fact]
    public async Task DrainResetsAtTheDeadline()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        Assert.False(await pair.DestinationProxy.DrainAsync(TimeSpan.FromMilliseconds(100)));
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        Assert.Equal(ProxyFailure.Draining, pair.Destination.Closed.Single().End.Failure);
    }
}
