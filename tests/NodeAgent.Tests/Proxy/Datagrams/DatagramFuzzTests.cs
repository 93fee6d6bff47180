using System.Net.Sockets;
using System.Text;
using Culvert.Http2;
using Culvert.Http2.Capsules;
using Culvert.NodeAgent.Proxy.Model;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>What peers send that breaks the rules: refused, counted, and no harm to other streams.</summary>
public sealed class DatagramFuzzTests
{
    [Fact]
    public async Task UnknownContextsAndCapsulesAreDroppedAndLongOnesResetTheStream()
    {
        await using ProxyPair pair = new();
        using Socket pod = InboundDatagramTests.BindPod(pair);
        await using RawTunnelPeer peer = await RawTunnelPeer.ConnectAsync(pair);
        await peer.OpenAsync(1, pod);
        await peer.OpenAsync(3, pod);

        // Context 2, context 1 (the server's own), an unknown type, a datagram without a context, then a good one.
        await peer.SendAsync(RawDatagrams.Data(1, [0, 3, 2, 9, 9, 0, 3, 1, 0, 80, 0x17, 2, 5, 5, 0, 0, 0, 2, 0, 42]));
        Assert.Equal([42], await ReceiveAsync(pod));
        Assert.Equal((2, 1), (pair.Destination.Dropped[DatagramDrop.UnknownContext], pair.Destination.Dropped[DatagramDrop.MalformedCapsule]));

        byte[] head = new byte[Capsule.MaxHeaderLength];
        await peer.SendAsync(RawDatagrams.Data(1, head[..Capsule.WriteHeader(head, 0, 70_000)]));
        Assert.Equal((3, (byte)Http2ErrorCode.ProtocolError), await ResetAsync(peer));
        Assert.Equal(1, pair.Destination.Dropped[DatagramDrop.CapsuleTooLong]);
        await peer.SendAsync(RawDatagrams.Data(3, [0, 2, 0, 43]));
        Assert.Equal([43], await ReceiveAsync(pod));

        // An end in the middle of a capsule.
        byte[] cut = RawDatagrams.Data(3, [0, 5, 0]);
        cut[4] = 1;
        await peer.SendAsync(cut);
        Assert.Equal((3, (byte)Http2ErrorCode.ProtocolError), await ResetAsync(peer));
        await SocketExtensions.EventuallyAsync(() => pair.Destination.Closed.Count == 2);
        Assert.All(pair.Destination.Closed, c => Assert.Equal(ProxyFailure.ProtocolError, c.End.Failure));
    }

    [Fact]
    public async Task RandomStreamsDoNoHarm()
    {
        await using ProxyPair pair = new();
        using Socket pod = InboundDatagramTests.BindPod(pair);
        Random random = new(20_26);
        for (int round = 0; round < 20; round++)
        {
            await using RawTunnelPeer peer = await RawTunnelPeer.ConnectAsync(pair);
            for (int id = 1; id < 40; id += 2)
            {
                await peer.OpenAsync(id, pod);
                for (int i = random.Next(6); i >= 0; i--)
                {
                    byte[] bytes = new byte[random.Next(1, 400)];
                    random.NextBytes(bytes);
                    for (int k = 0; k < bytes.Length; k++)
                    {
                        if (random.Next(2) == 0) bytes[k] = (byte)random.Next(4);
                    }

                    byte[] frame = RawDatagrams.Data(id, bytes);
                    if (random.Next(10) == 0) frame[4] = 1;
                    await peer.SendAsync(frame);
                    if (frame[4] == 1) break;
                }
            }

            // The connection lives: a stream of its own still works.
            await peer.OpenAsync(41, pod);
            byte[] mark = [0, 9, 0, .. Encoding.ASCII.GetBytes($"mark {round:000}")];
            await peer.SendAsync(RawDatagrams.Data(41, mark));
            while (!(await ReceiveAsync(pod)).AsSpan().SequenceEqual(mark.AsSpan(3)))
            {
            }
        }

        await SocketExtensions.EventuallyAsync(async () => (await pair.DestinationProxy.GetStatsAsync())[0].Connections == 0);
        Assert.Equal(pair.Destination.Opened.Count, pair.Destination.Closed.Count);
    }

    private static async Task<byte[]> ReceiveAsync(Socket pod)
    {
        byte[] buffer = new byte[65_536];
        return buffer[..await pod.ReceiveAsync(buffer.AsMemory()).AsTask().WaitAsync(TimeSpan.FromSeconds(10))];
    }

    private static async Task<(byte Type, byte Code)> ResetAsync(RawTunnelPeer peer)
    {
        while (true)
        {
            (byte type, _, byte[] payload) = await peer.ReceiveFrameAsync();
            if (type == 3) return (type, payload[3]);
        }
    }
}
