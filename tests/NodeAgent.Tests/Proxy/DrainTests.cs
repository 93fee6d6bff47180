using System.Net.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>A proxy that stops.</summary>
public sealed class DrainTests
{
    [Fact]
    public async Task DrainLetsConnectionsEndAndTakesNewOnes()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        Task<bool> drain = pair.DestinationProxy.DrainAsync(TimeSpan.FromMinutes(1));
        (Socket newClient, Socket newServer) = await pair.ConnectAsync(listener);
        await newClient.SendAllAsync("new"u8.ToArray());
        await newServer.ReceiveExactlyAsync(3);
        await client.SendAllAsync("bye"u8.ToArray());
        await server.ReceiveExactlyAsync(3);
        Assert.False(drain.IsCompleted);
        foreach (Socket socket in new[] { client, server, newClient, newServer }) socket.Dispose();
        Assert.True(await drain.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
    }

    [Fact]
    public async Task AtTheEndOfADrainNewConnectionsAreNotTakenAndWhatIsLeftIsReset()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.BeginAsync(listener);
        Assert.False(await pair.DestinationProxy.DrainAsync(TimeSpan.FromMilliseconds(100)));
        using Socket probe = new(SocketType.Stream, ProtocolType.Tcp);
        Assert.ThrowsAny<SocketException>(() => probe.Connect(ProxyPair.ToIp(pair.Tunnel)));
        await pair.DestinationProxy.DisposeAsync();
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        Assert.Equal(ProxyFailure.Draining, pair.Destination.Closed.Single().End.Failure);
    }

    [Fact]
    public async Task ADrainThatIsHurriedEndsAtOnce()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        using CancellationTokenSource hurry = new();
        Task<bool> drain = pair.DestinationProxy.DrainAsync(TimeSpan.FromMinutes(1), hurry.Token);
        Assert.False(drain.IsCompleted);
        await hurry.CancelAsync();
        Assert.False(await drain.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken));
        client.Dispose();
        server.Dispose();
    }
}
