using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Tests.Proxy.Transport;

/// <summary>One relay, the same between any two kinds of transport.</summary>
public sealed class RelayTransportTests
{
    private const int Length = 300_000;

    public static TheoryData<TransportKind, TransportKind> Pairs => TransportLab.Pairs;

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task EachDirectionEndsByItselfAndTheClientsMayBeFirst(TransportKind client, TransportKind server)
    {
        await using TransportLab lab = new();
        RelayUnderTest relay = await lab.RelayAsync(client, server);
        await EndOneThenTheOtherAsync(relay.Client, relay.Server);
        Assert.Equal(ProxyFailure.None, await relay.EndAsync());
        Assert.Equal((Length, Length + 1), (relay.Relay.BytesSent, relay.Relay.BytesReceived));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task EachDirectionEndsByItselfAndTheServersMayBeFirst(TransportKind client, TransportKind server)
    {
        await using TransportLab lab = new();
        RelayUnderTest relay = await lab.RelayAsync(client, server);
        await EndOneThenTheOtherAsync(relay.Server, relay.Client);
        Assert.Equal(ProxyFailure.None, await relay.EndAsync());
        Assert.Equal((Length + 1, Length), (relay.Relay.BytesSent, relay.Relay.BytesReceived));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AResetOfTheClientReachesTheServer(TransportKind client, TransportKind server)
    {
        await using TransportLab lab = new();
        RelayUnderTest relay = await lab.RelayAsync(client, server);
        await PassAsync(relay.Client, relay.Server);
        await relay.Client.ResetAsync();
        await relay.Server.AssertResetAsync();
        Assert.Equal(ReasonOf(client), await relay.EndAsync());
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AResetOfTheServerReachesTheClientAlsoWhenItHasNothingMoreToSend(TransportKind client, TransportKind server)
    {
        await using TransportLab lab = new();
        RelayUnderTest relay = await lab.RelayAsync(client, server);
        await relay.Server.FinishAsync();
        Assert.Empty((await relay.Client.ReceiveAsync(1))!);
        await PassAsync(relay.Client, relay.Server);
        await relay.Server.ResetAsync();
        Assert.Equal(ReasonOf(server), await relay.EndAsync());

        // The client has had the end of the server's direction already; its own takes nothing any more.
        await SocketExtensions.EventuallyAsync(() => lab.OnLoopAsync(() => relay.Client.Transport.IsClosed || relay.Client.Transport.Send([1]).IsOver));
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task ASlowReaderSlowsTheWriterAndGetsAll(TransportKind client, TransportKind server)
    {
        const int Much = 24 << 20;
        await using TransportLab lab = new();
        RelayUnderTest relay = await lab.RelayAsync(client, server);
        byte[] data = FarEnd.Pattern(Much);
        Task<bool> sending = relay.Client.SendAsync(data, finish: true);
        Assert.InRange(await SocketExtensions.StalledAtAsync(() => relay.Client.Sent), 1, Much - 1);
        Assert.False(sending.IsCompleted);

        // What the proxy itself holds is bounded by windows, and by one read where there are none.
        Assert.InRange(await lab.OnLoopAsync(() => lab.Loop.Buffers.RentedBytes), 0, 1 << 20);
        Assert.Equal(data, await relay.Server.ReceiveAsync(Much + 1));
        Assert.True(await sending);
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AnAbortResetsBothEndsAndIsTheReason(TransportKind client, TransportKind server)
    {
        await using TransportLab lab = new();
        RelayUnderTest relay = await lab.RelayAsync(client, server);
        await PassAsync(relay.Client, relay.Server);
        await lab.OnLoopAsync(() =>
        {
            relay.Relay.Abort(ProxyFailure.PolicyChanged);
            relay.Relay.Abort(ProxyFailure.Draining);
            return true;
        });
        Assert.Equal(ProxyFailure.PolicyChanged, await relay.EndAsync());
        await relay.Client.AssertResetAsync();
        await relay.Server.AssertResetAsync();
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task WhatCameBeforeTheDestinationWasConnectedIsNotLost(TransportKind client, TransportKind server)
    {
        await using TransportLab lab = new();
        (ITransport near, FarEnd far) = await lab.ConnectAsync(client, clientIsNear: false);
        byte[] data = FarEnd.Pattern(40_000);
        Assert.True(await far.SendAsync(data, finish: true));
        await lab.OnLoopAsync(async () => await near.ReadableAsync());
        (ITransport serverNear, FarEnd serverFar) = await lab.ConnectAsync(server, clientIsNear: true);
        RelayUnderTest relay = await lab.StartAsync(near, far, serverNear, serverFar);
        Assert.Equal(data, await serverFar.ReceiveAsync(data.Length + 1));
        await serverFar.FinishAsync();
        Assert.Equal(ProxyFailure.None, await relay.EndAsync());
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task AnEndThatIsGoneBeforeTheRelayBeginsResetsTheOther(TransportKind client, TransportKind server)
    {
        await using TransportLab lab = new();
        (ITransport near, FarEnd far) = await lab.ConnectAsync(client, clientIsNear: false);
        await far.ResetAsync();
        await lab.OnLoopAsync(async () => await near.ReadableAsync());
        (ITransport serverNear, FarEnd serverFar) = await lab.ConnectAsync(server, clientIsNear: true);
        RelayUnderTest relay = await lab.StartAsync(near, far, serverNear, serverFar);
        Assert.Equal(ReasonOf(client), await relay.EndAsync());
        await serverFar.AssertResetAsync();
    }

    [Theory]
    [MemberData(nameof(Pairs))]
    public async Task BytesThatPassCostNoMemory(TransportKind client, TransportKind server)
    {
        const int Rounds = 1_000;
        await using TransportLab lab = new();
        RelayUnderTest relay = await lab.RelayAsync(client, server);
        long least = await lab.OnLoopAsync(async () =>
        {
            byte[] room = new byte[100];

            // A collection that other tests cause may empty a pool, which then makes one buffer anew; what each round costs is in every attempt.
            long least = long.MaxValue;
            for (int attempt = 0; attempt < 6; attempt++)
            {
                long before = GC.GetAllocatedBytesForCurrentThread();
                for (int i = 0; i < Rounds; i++) await ExchangeAsync(relay, room);
                least = Math.Min(least, GC.GetAllocatedBytesForCurrentThread() - before);
            }

            return least;
        });
        Assert.Equal(0, least / Rounds);
    }

    private static async Task EndOneThenTheOtherAsync(FarEnd first, FarEnd second)
    {
        byte[] data = FarEnd.Pattern(Length), answer = FarEnd.Pattern(Length + 1);
        Task<bool> sending = first.SendAsync(data, finish: true);
        Assert.Equal(data, await second.ReceiveAsync(Length + 1));
        Assert.True(await sending);
        sending = second.SendAsync(answer, finish: true);
        Assert.Equal(answer, await first.ReceiveAsync(Length + 2));
        Assert.True(await sending);
    }

    private static async Task PassAsync(FarEnd from, FarEnd to)
    {
        Assert.True(await from.SendAsync([1, 2, 3], finish: false));
        Assert.Equal([1, 2, 3], await to.ReceiveAsync(3));
    }

    [System.Runtime.CompilerServices.AsyncMethodBuilder(typeof(System.Runtime.CompilerServices.PoolingAsyncValueTaskMethodBuilder))]
    private static async ValueTask ExchangeAsync(RelayUnderTest relay, byte[] room)
    {
        (ITransport client, ITransport server) = (relay.Client.Transport, relay.Server.Transport);
        client.Send(room);
        for (int left = room.Length; left > 0;)
        {
            TransportResult received = server.Receive(room);
            left -= received.Count;
            if (received.Status == TransportStatus.Blocked) await server.ReadableAsync();
        }

        server.Send(room);
        for (int left = room.Length; left > 0;)
        {
            TransportResult received = client.Receive(room);
            left -= received.Count;
            if (received.Status == TransportStatus.Blocked) await client.ReadableAsync();
        }
    }

    // An application that resets is told apart from a peer's proxy that does.
    private static ProxyFailure ReasonOf(TransportKind kind) => kind == TransportKind.Stream ? ProxyFailure.StreamReset : ProxyFailure.ApplicationReset;

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AStreamThatIsClosedWhileItsPeerStillSendsIsResetAndKeepsNothingOfItsTunnelsWindow(bool clientCloses)
    {
        await using TransportLab lab = new();
        (ITransport near, FarEnd far) = await lab.ConnectAsync(TransportKind.Stream, clientIsNear: clientCloses);
        await lab.OnLoopAsync(() =>
        {
            near.Close();
            return true;
        });
        Assert.Empty((await far.ReceiveAsync(1))!);

        // More than a tunnel's window of 1 MiB, in pieces: each is dropped when it comes, until the reset is known.
        await lab.OnLoopAsync(async () =>
        {
            for (int i = 0; i < 64 && !far.Transport.IsClosed; i++)
            {
                far.Transport.Send(new byte[64 * 1024]);
                await lab.Loop.YieldAsync(new Culvert.NodeAgent.Proxy.Loop.LoopSignal());
            }

            return true;
        });
        await SocketExtensions.EventuallyAsync(() => lab.OnLoopAsync(() => far.Transport.IsClosed));
    }
}
