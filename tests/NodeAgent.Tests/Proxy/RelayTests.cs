using System.Net.Sockets;
using System.Security.Cryptography;
using Culvert.NodeAgent.Proxy;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>What applications see, the same through a tunnel and in plaintext.</summary>
public sealed class RelayTests
{
    public static TheoryData<bool, bool> Paths => new() { { true, false }, { false, false }, { true, true }, { false, true } };

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task UrgentDataKeepsItsPlaceInTheStream(bool tunnel, bool ipv6)
    {
        await using ProxyPair pair = new(ipv6: ipv6);
        using Socket listener = Listen(pair, tunnel);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        foreach ((Socket from, Socket to) in new[] { (client, server), (server, client) })
        {
            from.Send("ab"u8);
            from.Send("!"u8, SocketFlags.OutOfBand);
            from.Send("cd"u8);
            Assert.Equal("ab!cd"u8.ToArray(), await to.ReceiveExactlyAsync(5));
        }

        client.Dispose();
        server.Dispose();
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task RequestAndResponsePass(bool tunnel, bool ipv6)
    {
        await using ProxyPair pair = new(ipv6: ipv6);
        using Socket listener = Listen(pair, tunnel);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        for (int i = 0; i < 100; i++)
        {
            await client.SendAllAsync("ping"u8.ToArray());
            Assert.Equal("ping"u8.ToArray(), await server.ReceiveExactlyAsync(4));
            await server.SendAllAsync("pong!"u8.ToArray());
            Assert.Equal("pong!"u8.ToArray(), await client.ReceiveExactlyAsync(5));
        }

        client.Dispose();
        Assert.Equal(0, await server.ReceiveToEndAsync());
        server.Dispose();
        await SocketExtensions.EventuallyAsync(() => pair.Source.Closed.Count == 1);
        (ProxyConnectionInfo info, ProxyConnectionEnd end) = pair.Source.Closed.Single();
        Assert.Equal((400, 500, ProxyFailure.None), (end.BytesSent, end.BytesReceived, end.Failure));
        Assert.Equal("alice", info.SourceWorkload!.Name.Name);
        if (!tunnel) return;
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Closed.Count == 1);
        (info, end) = pair.Destination.Closed.Single();
        Assert.Equal((400, 500, ProxyFailure.None), (end.BytesSent, end.BytesReceived, end.Failure));
        Assert.Equal(ProxyPair.Alice, info.SourceIdentity!.ToString());
    }

    [Theory]
    [MemberData(nameof(Paths))]
    public async Task TheServerMaySpeakFirst(bool tunnel, bool ipv6)
    {
        await using ProxyPair pair = new(ipv6: ipv6);
        using Socket listener = Listen(pair, tunnel);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await server.SendAllAsync("220 hello"u8.ToArray());
        Assert.Equal("220 hello"u8.ToArray(), await client.ReceiveExactlyAsync(9));
        client.Dispose();
        server.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task HalfCloseIsCarriedBothWays(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair, tunnel);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await client.SendAllAsync(new byte[100_000]);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(100_000, await server.ReceiveToEndAsync());
        await server.SendAllAsync(new byte[200_000]);
        Task<int> received = client.ReceiveToEndAsync();
        server.Shutdown(SocketShutdown.Send);
        Assert.Equal(200_000, await received);
        client.Dispose();
        server.Dispose();
        await SocketExtensions.EventuallyAsync(() => pair.Source.Closed.Any(c => c.End.Failure == ProxyFailure.None));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    [InlineData(false, false)]
    public async Task AResetIsCarriedAsAReset(bool tunnel, bool byClient)
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair, tunnel);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        await client.SendAllAsync("x"u8.ToArray());
        await server.ReceiveExactlyAsync(1);
        (Socket resetting, Socket other) = byClient ? (client, server) : (server, client);
        resetting.Reset();
        await other.AssertResetAsync();
        other.Dispose();
        await SocketExtensions.EventuallyAsync(() => pair.Source.Closed.Any(c => c.End.Failure != ProxyFailure.None));
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task AResetWhileTheOtherSideIsHalfClosedIsCarried(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair, tunnel);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        client.Shutdown(SocketShutdown.Send);
        Assert.Equal(0, await server.ReceiveToEndAsync());
        client.Reset();

        // The kernel tells a side that has seen the end already when it writes.
        await SocketExtensions.EventuallyAsync(() =>
        {
            server.Send("x"u8, SocketFlags.None, out SocketError error);
            return error is SocketError.ConnectionReset or SocketError.Shutdown;
        });
        server.Dispose();
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ARefusedConnectionIsReset(bool tunnel)
    {
        await using ProxyPair pair = new();
        int port;
        using (Socket listener = Listen(pair, tunnel)) port = ((System.Net.IPEndPoint)listener.LocalEndPoint!).Port;
        SocketException exception = await Assert.ThrowsAsync<SocketException>(async () =>
        {
            using Socket client = await pair.ConnectClientAsync();
            await client.ReceiveToEndAsync();
        });
        Assert.Equal(SocketError.ConnectionReset, exception.SocketErrorCode);
        await SocketExtensions.EventuallyAsync(() => pair.Source.Failed.Count == 1);
        Assert.Equal(tunnel ? ProxyFailure.ConnectFailed : ProxyFailure.ConnectRefused, pair.Source.Failed.Single().Failure);
        if (!tunnel) return;
        Assert.Equal(ProxyFailure.ConnectRefused, pair.Destination.Failed.Single().Failure);
        Assert.Equal(port, pair.Destination.Failed.Single().Info.Target.Port);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task ASlowReaderSlowsTheWriterAndBoundsMemory(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair, tunnel);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        const int Total = 128 << 20;
        long sent = 0;
        Task sending = Task.Run(async () =>
        {
            byte[] block = new byte[256 * 1024];
            while (sent < Total) Volatile.Write(ref sent, sent + await client.SendAsync(block.AsMemory(0, (int)Math.Min(block.Length, Total - sent))));
            client.Shutdown(SocketShutdown.Send);
        });
        long stalledAt = await SocketExtensions.StalledAtAsync(() => Volatile.Read(ref sent));
        ProxyLoopStats[] stats = [.. await pair.SourceProxy.GetStatsAsync(), .. await pair.DestinationProxy.GetStatsAsync()];
        Assert.InRange(stats.Sum(s => s.BufferedBytes), 0, 8 << 20);
        Assert.InRange(stalledAt, 1, 64 << 20);
        Assert.Equal(Total, await server.ReceiveToEndAsync());
        await sending;
        client.Dispose();
        server.Dispose();
        await SocketExtensions.EventuallyAsync(async () => (await pair.DestinationProxy.GetStatsAsync()).Sum(s => s.BufferedBytes) == 0);
    }

    [Theory]
    [InlineData(true)]
    [InlineData(false)]
    public async Task LargeTransfersBothWaysAtOnceAreExact(bool tunnel)
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair, tunnel);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        const long Size = 256L << 20;
        Task<byte[]> clientSent = SendRandomAsync(client, Size, 1), serverSent = SendRandomAsync(server, Size, 2);
        Task<byte[]> serverGot = HashAsync(server), clientGot = HashAsync(client);
        Assert.Equal(await clientSent, await serverGot);
        Assert.Equal(await serverSent, await clientGot);
        client.Dispose();
        server.Dispose();
        await SocketExtensions.EventuallyAsync(() => pair.Source.Closed.Count == 1);
        Assert.Equal((Size, Size, ProxyFailure.None), (pair.Source.Closed.Single().End.BytesSent, pair.Source.Closed.Single().End.BytesReceived, pair.Source.Closed.Single().End.Failure));
    }

    [Theory]
    [InlineData(true, true)]
    [InlineData(true, false)]
    [InlineData(false, true)]
    public async Task ALargeTransferOneWayDoesNotStall(bool tunnel, bool towardsServer)
    {
        await using ProxyPair pair = new();
        using Socket listener = Listen(pair, tunnel);
        (Socket client, Socket server) = await pair.ConnectAsync(listener);
        (Socket sender, Socket receiver) = towardsServer ? (client, server) : (server, client);
        Task<byte[]> sent = SendRandomAsync(sender, 1L << 30, 1), got = HashAsync(receiver);
        Assert.Equal(await sent, await got);
        client.Dispose();
        server.Dispose();
    }

    private static Socket Listen(ProxyPair pair, bool tunnel)
    {
        if (tunnel) return pair.ListenByTunnel();
        Socket listener = pair.Listen();
        pair.RoutePlain(((System.Net.IPEndPoint)listener.LocalEndPoint!).Port);
        return listener;
    }

    private static Task<byte[]> SendRandomAsync(Socket socket, long size, int seed) => Task.Run(async () =>
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        Random random = new(seed);
        byte[] block = new byte[300_000];
        random.NextBytes(block);
        while (size > 0)
        {
            block[random.Next(block.Length)]++;
            Memory<byte> part = block.AsMemory(0, (int)Math.Min(size, random.Next(1, block.Length)));
            hash.AppendData(part.Span);
            await socket.SendAllAsync(part);
            size -= part.Length;
        }

        socket.Shutdown(SocketShutdown.Send);
        return hash.GetHashAndReset();
    });

    private static Task<byte[]> HashAsync(Socket socket) => Task.Run(async () =>
    {
        using IncrementalHash hash = IncrementalHash.CreateHash(HashAlgorithmName.SHA1);
        byte[] buffer = new byte[128 * 1024];
        int n;
        while ((n = await socket.ReceiveAsync(buffer.AsMemory()).AsTask().WaitAsync(TimeSpan.FromSeconds(60))) > 0) hash.AppendData(buffer.AsSpan(0, n));
        return hash.GetHashAndReset();
    });
}
