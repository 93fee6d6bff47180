using System.Buffers.Binary;
using System.Net.Sockets;
using Culvert.Http2;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Tunnel;

namespace Culvert.NodeAgent.Tests.Proxy.Datagrams;

/// <summary>CONNECT-UDP frame by frame.</summary>
internal static class RawDatagrams
{
    /// <summary>Opens a CONNECT-UDP stream to a pod's socket.</summary>
    internal static Task OpenAsync(this RawTunnelPeer peer, int id, Socket pod)
    {
        HeaderList headers = new();
        SocketEndPoint target = InboundDatagramTests.Address(pod);
        DatagramHeaders.WriteRequest(headers, target, target);
        return peer.RequestAsync(id, headers);
    }

    /// <summary>Opens a stream.</summary>
    internal static async Task RequestAsync(this RawTunnelPeer peer, int id, HeaderList headers)
    {
        List<byte> block = [];
        for (int i = 0; i < headers.Count; i++)
        {
            // Literal without indexing, new name (RFC 7541, section 6.2.2).
            block.AddRange([0, (byte)headers[i].Name.Length, .. headers[i].Name, (byte)headers[i].Value.Length, .. headers[i].Value]);
        }

        await peer.SendAsync(Frame(1, 4, id, [.. block]));
    }

    /// <summary>A DATA frame.</summary>
    internal static byte[] Data(int id, byte[] payload, bool end = false) => Frame(0, end ? (byte)1 : (byte)0, id, payload);

    /// <summary>A PING.</summary>
    internal static byte[] Ping() => Frame(6, 0, 0, new byte[8]);

    /// <summary>Sends a frame in a TLS record of its own.</summary>
    internal static async Task SendAsync(this RawTunnelPeer peer, byte[] frame) => await peer.Socket.SendAllAsync(await peer.EncryptAsync(frame));

    private static byte[] Frame(byte type, byte flags, int id, byte[] payload)
    {
        byte[] frame = [0, (byte)(payload.Length >> 8), (byte)payload.Length, type, flags, 0, 0, 0, 0, .. payload];
        BinaryPrimitives.WriteInt32BigEndian(frame.AsSpan(5), id);
        return frame;
    }
}
