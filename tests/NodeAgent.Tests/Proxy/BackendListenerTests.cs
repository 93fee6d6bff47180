using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>Connections to a Service that reach the proxy with a backend's address, and those of workloads that leave the mesh.</summary>
public sealed class BackendListenerTests
{
    private static ProxyPair PairWithBackends() => new(o => o.OutboundListeners.Count > 0 ? o with { BackendListeners = [o.OutboundListeners[0].WithPort(0)] } : o);

    private static IPEndPoint EntryOf(ProxyPair pair) => ProxyPair.ToIp(pair.SourceProxy.BackendListeners[0].Local);

    private static async Task<Socket> ConnectAsync(IPEndPoint to)
    {
        Socket client = new(to.AddressFamily, SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        await client.ConnectAsync(to).WaitAsync(TimeSpan.FromSeconds(10));
        return client;
    }

    [Fact]
    public async Task TheServiceIsWhatWasAskedForAndTheBackendIsTheOneThatWasDrawn()
    {
        await using ProxyPair pair = PairWithBackends();
        using Socket listener = pair.ListenByTunnel();
        SocketEndPoint service = new(IPAddress.Parse("10.96.0.1"), 80), backend = pair.SourceProxy.BackendListeners[0].Local;
        pair.Source.ServiceOf = asked => asked == backend ? service : null;
        using Socket client = await ConnectAsync(EntryOf(pair));
        using Socket server = await listener.AcceptAsync().WaitAsync(TimeSpan.FromSeconds(10));
        await client.SendAllAsync("hello"u8.ToArray());
        await server.ReceiveExactlyAsync(5);
        Assert.Equal(service, Assert.Single(pair.Source.Opened).Destination);
        Assert.Equal(backend, Assert.Single(pair.Source.Drawn));
    }

    [Fact]
    public async Task OneThatHasEndedMeanwhileIsResetAndToldOf()
    {
        await using ProxyPair pair = PairWithBackends();
        SocketException reset = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket client = await ConnectAsync(EntryOf(pair));
            await client.ReceiveToEndAsync();
        });
        Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
        await SocketExtensions.EventuallyAsync(() => !pair.Source.Failed.IsEmpty);
        Assert.Equal(ProxyFailure.ApplicationReset, Assert.Single(pair.Source.Failed).Failure);
    }

    [Fact]
    public async Task WhatALeavingWorkloadHasOpenedIsResetBeforeAnythingElseHappens()
    {
        await using ProxyPair pair = new();
        using Socket listener = pair.ListenByTunnel();
        (Socket client, Socket server) = await pair.BeginAsync(listener);
        using (client)
        using (server)
        {
            await pair.SourceProxy.LeaveAsync(new HashSet<string> { "a/another" });
            await client.SendAllAsync("still"u8.ToArray());
            await server.ReceiveExactlyAsync(5);
            await pair.DestinationProxy.LeaveAsync(new HashSet<string> { pair.Source.Local!.Uid, pair.Destination.Local!.Uid }); // it has opened nothing there
            await client.SendAllAsync("there"u8.ToArray());
            await server.ReceiveExactlyAsync(5);

            await pair.SourceProxy.LeaveAsync(new HashSet<string> { pair.Source.Local!.Uid });
            Assert.True(client.Poll(0, SelectMode.SelectRead), "the reset was not there when the task ended");
            SocketException reset = await Assert.ThrowsAsync<SocketException>(client.ReceiveToEndAsync);
            Assert.Equal(SocketError.ConnectionReset, reset.SocketErrorCode);
            Assert.Equal(ProxyFailure.PolicyChanged, Assert.Single(pair.Source.Closed).End.Failure);
        }
    }
}
