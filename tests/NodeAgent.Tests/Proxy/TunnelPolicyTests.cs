using System.Net;
using System.Net.Sockets;
using System.Text;
using Culvert.Core;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Tests.Proxy.Datagrams;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>What may be asked for through a tunnel, and until when.</summary>
public sealed class TunnelPolicyTests
{
    [Fact]
    public async Task ADeniedConnectionIsAnsweredWith401AndReset()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        pair.Destination.Allowed = false;
        await pair.ExpectResetAsync(ProxyFailure.PolicyDenied);
        (ProxyConnectionInfo info, ProxyFailure failure) = Assert.Single(pair.Destination.Failed);
        Assert.Equal((ProxyFailure.PolicyDenied, DecisionReason.DeniedByPolicy), (failure, info.Decision.Reason));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhatAPeerSendsAfterItWasRefusedIsNotKept()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        pair.Destination.Allowed = false;
        await using RawTunnelPeer peer = await RawTunnelPeer.ConnectAsync(pair);
        HeaderList connect = new();
        connect.Add(":method"u8, "CONNECT"u8).Add(":authority"u8, Encoding.ASCII.GetBytes(new IPEndPoint(pair.DestinationAddress, ((IPEndPoint)listener.LocalEndPoint!).Port).ToString()));
        await peer.RequestAsync(1, connect);
        await ReceiveAsync(1);
        for (int i = 0; i < 4; i++) await peer.SendAsync(RawDatagrams.Data(1, new byte[16_000], end: i == 3));
        await peer.SendAsync(RawDatagrams.Ping());
        await ReceiveAsync(6);
        Assert.Equal(0, (await pair.DestinationProxy.GetStatsAsync()).Sum(s => s.BufferedBytes));
        Assert.Equal(ProxyFailure.PolicyDenied, Assert.Single(pair.Destination.Failed).Failure);

        async Task ReceiveAsync(byte type)
        {
            while ((await peer.ReceiveFrameAsync()).Type != type)
            {
            }
        }
    }

    [Theory]
    [Trait("Category", "Attack")]
    [InlineData(false)]
    [InlineData(true)]
    public async Task APeerThatAsksForWhatItIsRefusedOverAndOverLosesItsTunnelAndNothingElse(bool udp)
    {
        await using ProxyPair pair = new();
        await using DatagramClient datagrams = new(pair);
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Opened.Count == 1);
        await client.SendAllAsync("first"u8.ToArray());
        await server.ReceiveExactlyAsync(5);
        pair.Destination.Allowed = false;
        for (int i = 0; i < 1500; i++)
        {
            if (udp) Assert.Equal(ProxyFailure.PolicyDenied, (await datagrams.TryOpenAsync(new SocketEndPoint(pair.DestinationAddress, 53), new RecordingSink())).Failure);
            else await SocketExtensions.UnlessResetAsync(async () => (await pair.ConnectClientAsync()).Dispose());
        }

        // What is refused holds no place.
        await SocketExtensions.EventuallyAsync(() => pair.DestinationProxy.Places.Single(p => p.Pool == "workloads").Used == 1);

        // 500 refusals in 10 s are one tunnel's end; before, one tunnel took all of them.
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Handshakes.Count >= 3);
        await client.SendAllAsync("still"u8.ToArray());
        await server.ReceiveExactlyAsync(5);
        pair.Destination.Allowed = true;
        (Socket second, Socket secondServer) = await pair.ConnectAsync(listener);
        foreach (Socket socket in new[] { client, server, second, secondServer }) socket.Dispose();
    }

    [Theory]
    [InlineData(false)]
    [InlineData(true)]
    public async Task WhoGetsNoPlaceIsRefusedBeforePolicyIsAsked(bool udp)
    {
        await using ProxyPair pair = new(o => o with { MaxConnections = 1 });
        await using DatagramClient datagrams = new(pair);
        using Socket pod = InboundDatagramTests.BindPod(pair), listener = pair.ListenByTunnel();
        await datagrams.OpenAsync(InboundDatagramTests.Address(pod));
        int asked = 0;
        pair.Destination.Asked = () => Interlocked.Increment(ref asked);
        pair.Destination.Allowed = false;
        if (udp) Assert.Null((await datagrams.TryOpenAsync(InboundDatagramTests.Address(pod), new RecordingSink())).Stream);
        else await pair.ExpectResetAsync(ProxyFailure.ConnectFailed);
        Assert.Equal(ProxyFailure.Overload, Assert.Single(pair.Destination.Failed).Failure);
        Assert.Equal(0, Volatile.Read(ref asked));
    }

    [Fact]
    public async Task OnlyTheWorkloadsOwnAddressMayBeAskedFor()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        int port = ((IPEndPoint)listener.LocalEndPoint!).Port;
        pair.Source.Route = _ => OutboundRoute.Tunnel(pair.Tunnel, new SocketEndPoint(IPAddress.Parse("127.99.0.1"), port), pair.Destination.Local!);
        await pair.ExpectResetAsync(ProxyFailure.BadRequest);
    }

    [Fact]
    public async Task TheProxysOwnPortsMayNotBeAskedFor()
    {
        await using ProxyPair pair = new();
        pair.RouteTo(15008);
        await pair.ExpectResetAsync(ProxyFailure.ConnectFailed);
        Assert.Equal(ProxyFailure.NoRoute, pair.Destination.Failed.Single().Failure);
    }

    [Fact]
    public async Task APolicyChangeClosesWhatIsNoLongerAllowed()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        pair.DestinationProxy.Revalidate();
        await client.SendAllAsync("still"u8.ToArray());
        await server.ReceiveExactlyAsync(5);
        pair.Destination.Allowed = false;
        pair.DestinationProxy.Revalidate();
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Closed.Count == 1 && pair.Source.Closed.Count == 1);
        Assert.Equal(ProxyFailure.PolicyChanged, pair.Destination.Closed.Single().End.Failure);
        Assert.Equal(DecisionReason.DeniedByPolicy, pair.Destination.Closed.Single().Info.Decision.Reason);
        Assert.Equal(ProxyFailure.StreamReset, pair.Source.Closed.Single().End.Failure);
    }

    [Fact]
    public async Task AConnectionInTheNameOfAnAddressThatGoesToAnotherWorkloadEnds()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.BeginAsync(listener);
        pair.Destination.ClientAddressIsTrusted = false;
        pair.DestinationProxy.Revalidate();
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Closed.Count == 1);
        Assert.Equal(ProxyFailure.PolicyChanged, pair.Destination.Closed.Single().End.Failure);
    }

    [Fact]
    public async Task WhatMayNotLeaveItsSourceIsResetThereAndNeverReachesTheOtherNode()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        pair.Source.MayLeave = _ => false;
        await pair.ExpectResetAsync(ProxyFailure.PolicyDenied);
        Assert.Equal(DecisionReason.NetworkPolicyEgress, Assert.Single(pair.Source.Failed).Info.Decision.Reason);
        Assert.Empty(pair.Destination.Handshakes);
    }

    [Fact]
    public async Task APolicyChangeClosesWhatMayNoLongerLeave()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.BeginAsync(listener);
        pair.Source.MayLeave = target => target.Port != ((IPEndPoint)listener.LocalEndPoint!).Port;
        pair.SourceProxy.Revalidate();
        await client.AssertResetAsync();
        await server.AssertResetAsync();
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Closed.Count == 1 && pair.Source.Closed.Count == 1);
        Assert.Equal(ProxyFailure.PolicyChanged, pair.Source.Closed.Single().End.Failure);
    }
}
