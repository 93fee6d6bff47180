using System.Net;
using System.Net.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>An address that goes to another workload while connections and tunnels of the one before are open, or being made.</summary>
public sealed class AddressReuseTests
{
    private const string Carol = "spiffe://cluster.local/ns/b/sa/carol";

    [Fact]
    public async Task ATunnelMadeToOneIdentityCarriesNothingToAnother()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        pair.RouteTo(((IPEndPoint)listener.LocalEndPoint!).Port, expected: pair.Destination.Local); // the client's proxy has not heard of it
        pair.Destination.Local = ProxyPair.Workload("carol", "b", Carol, pair.DestinationAddress);

        await pair.ExpectResetAsync(ProxyFailure.ConnectFailed);

        Assert.Equal(ProxyFailure.NoRoute, pair.Destination.Failed.Single().Failure);
        client.Dispose();
        server.Dispose();
    }

    [Fact]
    public async Task ATunnelOfAnAddressThatHasGoneToAnotherIdentityDrains()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        pair.Destination.Local = ProxyPair.Workload("carol", "b", Carol, pair.DestinationAddress);

        pair.DestinationProxy.Revalidate();

        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(async () => (await pair.DestinationProxy.GetStatsAsync())[0].ServerTunnels == 0);
    }

    [Theory]
    [InlineData("alice-2", ProxyPair.Alice)]
    [InlineData("alice", Carol)]
    [InlineData(null, null)]
    public async Task AConnectionEndsWhenItsClientsAddressIsNoLongerItsOwn(string? name, string? identity)
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        pair.SourceProxy.Revalidate();
        await client.SendAllAsync("still"u8.ToArray());
        await server.ReceiveExactlyAsync(5);

        pair.Source.Local = name is null ? null : ProxyPair.Workload(name, "a", identity!, pair.SourceAddress);
        pair.SourceProxy.Revalidate();

        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => pair.Source.Closed.Count == 1);
        Assert.Equal(ProxyFailure.PolicyChanged, pair.Source.Closed.Single().End.Failure);
    }

    [Fact]
    public async Task APolicyChangeWhileTheConnectionIsBeingMadeCounts()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.Listen(backlog: 0);
        IPEndPoint application = (IPEndPoint)listener.LocalEndPoint!;
        pair.RouteTo(application.Port);
        using Socket filler = new(SocketType.Stream, ProtocolType.Tcp);
        await filler.ConnectAsync(application); // the application's queue is full: the proxy's SYN is dropped and sent again after a second
        using Socket client = await pair.ConnectClientAsync();
        await SocketExtensions.EventuallyAsync(async () => (await pair.DestinationProxy.GetStatsAsync())[0].ServerTunnels == 1);
        await SocketExtensions.EventuallyAsync(() => SocketExtensions.IsBeingConnected(application));

        pair.Destination.Allowed = false;
        pair.DestinationProxy.Revalidate();
        using Socket queued = await listener.AcceptAsync();

        await client.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Failed.Count == 1);
        Assert.Equal(ProxyFailure.PolicyChanged, pair.Destination.Failed.Single().Failure);
        Assert.Empty(pair.Destination.Opened);
    }
}
