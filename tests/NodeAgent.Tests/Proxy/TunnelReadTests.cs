using System.Buffers.Binary;

namespace Culvert.NodeAgent.Tests.Proxy;

/// <summary>What a tunnel does with TLS records that arrive in pieces: readiness is edge-triggered, nothing that arrived may be left lying.</summary>
public sealed class TunnelReadTests
{
    [Theory]
    [InlineData(0)]
    [InlineData(3)]
    [InlineData(5)]
    [InlineData(20)]
    public async Task TheRecordBehindThatWhichCameInTwoPiecesIsRead(int firstPiece)
    {
        await using ProxyPair pair = new();
        await using RawTunnelPeer peer = await RawTunnelPeer.ConnectAsync(pair);
        byte[] zero = await peer.EncryptAsync(Ping(0)), one = await peer.EncryptAsync(Ping(1)), two = await peer.EncryptAsync(Ping(2));

        // The answer to the first says that the piece behind it has been read as well.
        await peer.Socket.SendAllAsync((byte[])[.. zero, .. one[..firstPiece]]);
        Assert.Equal(0ul, await PongAsync(peer));
        await peer.Socket.SendAllAsync((byte[])[.. one[firstPiece..], .. two]);
        Assert.Equal(1ul, await PongAsync(peer));
        Assert.Equal(2ul, await PongAsync(peer));
    }

    private static byte[] Ping(ulong opaque)
    {
        byte[] frame = [0, 0, 8, 6, 0, 0, 0, 0, 0, .. new byte[8]];
        BinaryPrimitives.WriteUInt64BigEndian(frame.AsSpan(9), opaque);
        return frame;
    }

    private static async Task<ulong> PongAsync(RawTunnelPeer peer)
    {
        while (true)
        {
            (byte type, byte flags, byte[] payload) = await peer.ReceiveFrameAsync();
            if (type == 6 && flags == 1) return BinaryPrimitives.ReadUInt64BigEndian(payload);
        }
    }
}
