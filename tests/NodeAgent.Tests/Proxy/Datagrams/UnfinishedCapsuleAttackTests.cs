using System.Net.Sockets;
using Culvert.Http2.Capsules;
using Culvert.NodeAgent.Proxy.Loop;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>A peer begins many capsules and ends none.</summary>
[Trait("Category", "Attack")]
public sealed class UnfinishedCapsuleAttackTests
{
    private const int Buffers = 256;

    private const int Length = 60_000;

    // What is held may not be more than what is free.
    private const int Share = Buffers / 2;

    [Fact]
    public async Task UnfinishedCapsulesTakeNoMoreThanTheirWorkloadsShareAndTheNextDatagramPasses()
    {
        await using ProxyPair pair = new(o => o with { MaxBufferedBytes = Buffers * BufferPool.BufferSize });
        using Socket pod = InboundDatagramTests.BindPod(pair);
        await using RawTunnelPeer peer = await RawTunnelPeer.ConnectAsync(pair);
        for (int i = 0; i < Buffers; i++)
        {
            await peer.OpenAsync((2 * i) + 1, pod);
            await peer.SendAsync(RawDatagrams.Data((2 * i) + 1, Begin(Length, 100)));
        }

        await SocketExtensions.EventuallyAsync(() => Dropped(pair) == Buffers - Share);
        Assert.Equal(Share * BufferPool.BufferSize, await BufferedAsync(pair));

        // The oldest makes room; what is still to come of one that was dropped is skipped.
        int id = (2 * Buffers) + 1;
        await peer.OpenAsync(id, pod);
        byte[] whole = Begin(30_000, 30_000);
        await peer.SendAsync(RawDatagrams.Data(id, whole[..15_000]));
        await peer.SendAsync(RawDatagrams.Data(id, whole[15_000..]));
        Assert.Equal(29_999, await pod.ReceiveAsync(new byte[65_536].AsMemory()).AsTask().WaitAsync(TimeSpan.FromSeconds(10)));

        // It takes a second buffer when its second frame is read in two pieces.
        Assert.InRange(Dropped(pair), Buffers - Share + 1, Buffers - Share + 2);
        for (int sent = 100; sent < Length; sent += 15_000) await peer.SendAsync(RawDatagrams.Data(1, new byte[Math.Min(15_000, Length - sent)]));

        await peer.SendAsync(RawDatagrams.Data(1, [0, 2, 0, 43]));
        byte[] received = new byte[100];
        Assert.Equal(1, await pod.ReceiveAsync(received.AsMemory()).AsTask().WaitAsync(TimeSpan.FromSeconds(10)));
        Assert.Equal(43, received[0]);

        peer.Socket.Dispose();
        await SocketExtensions.EventuallyAsync(async () => await BufferedAsync(pair) == 0);
    }

    // The first bytes of a DATAGRAM capsule of zeros, which is its context as well.
    private static byte[] Begin(int length, int first)
    {
        byte[] head = new byte[Capsule.MaxHeaderLength];
        return [.. head[..Capsule.WriteHeader(head, Capsule.DatagramType, length)], .. new byte[first]];
    }

    private static int Dropped(ProxyPair pair) => pair.Destination.Dropped.GetValueOrDefault(DatagramDrop.NoRoomForPieces);

    private static async Task<long> BufferedAsync(ProxyPair pair) => (await pair.DestinationProxy.GetStatsAsync()).Sum(s => s.BufferedBytes);
}
