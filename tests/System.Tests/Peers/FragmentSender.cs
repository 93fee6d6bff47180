using System.Buffers.Binary;
using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Netlink;
using Culvert.Labs;

namespace Culvert.SystemTests.Peers;

/// <summary>Cuts UDP datagrams into IP fragments itself, so that a test decides which leave, how often and in which order.</summary>
internal sealed class FragmentSender : IDisposable
{
    private const int Udp = 17;
    private const int FragmentHeader = 44;
    private readonly Socket _raw;
    private readonly IPEndPoint _from;
    private readonly IPEndPoint _to;
    private uint _id;

    /// <summary>Speaks from an address and port that a socket of the pod has.</summary>
    public FragmentSender(LabPod pod, IPEndPoint from, IPEndPoint to, uint firstId)
    {
        (_from, _to, _id) = (from, to, firstId);
        using var place = NetworkNamespace.OpenPath(pod.NamespacePath);
        _raw = place.Run(() => new Socket(from.AddressFamily, SocketType.Raw, ProtocolType.Raw)); // 255: packets come with their header
        _raw.SendBufferSize = 4 << 20;
    }

    private bool IsIPv6 => _from.AddressFamily == AddressFamily.InterNetworkV6;

    /// <summary>The packets of a datagram, in order.</summary>
    /// <param name="payload">Its bytes.</param>
    /// <param name="piece">Bytes per fragment, a multiple of 8.</param>
    public List<byte[]> Cut(ReadOnlySpan<byte> payload, int piece)
    {
        var datagram = new byte[8 + payload.Length];
        BinaryPrimitives.WriteUInt16BigEndian(datagram, (ushort)_from.Port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(2), (ushort)_to.Port);
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(4), (ushort)datagram.Length);
        payload.CopyTo(datagram.AsSpan(8));
        BinaryPrimitives.WriteUInt16BigEndian(datagram.AsSpan(6), Checksum(datagram));
        var id = _id++;
        List<byte[]> packets = [];
        for (var offset = 0; offset < datagram.Length; offset += piece)
        {
            var bytes = datagram.AsSpan(offset, Math.Min(piece, datagram.Length - offset));
            var more = offset + bytes.Length < datagram.Length;
            packets.Add(IsIPv6 ? Packet6(id, offset, more, bytes) : Packet4(id, offset, more, bytes));
        }

        return packets;
    }

    /// <summary>Lets packets go.</summary>
    public async Task SendAsync(IEnumerable<byte[]> packets)
    {
        var to = new IPEndPoint(_to.Address, 0);
        foreach (var packet in packets)
        {
            await _raw.SendToAsync(packet, SocketFlags.None, to);
        }
    }

    public void Dispose() => _raw.Dispose();

    private byte[] Packet4(uint id, int offset, bool more, ReadOnlySpan<byte> bytes)
    {
        var packet = new byte[20 + bytes.Length]; // the kernel fills in length and checksum
        packet[0] = 0x45;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(id | 0x8000));
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(6), (ushort)((more ? 0x2000 : 0) | (offset / 8)));
        (packet[8], packet[9]) = (64, Udp);
        _from.Address.TryWriteBytes(packet.AsSpan(12), out _);
        _to.Address.TryWriteBytes(packet.AsSpan(16), out _);
        bytes.CopyTo(packet.AsSpan(20));
        return packet;
    }

    private byte[] Packet6(uint id, int offset, bool more, ReadOnlySpan<byte> bytes)
    {
        var packet = new byte[48 + bytes.Length];
        packet[0] = 0x60;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(4), (ushort)(8 + bytes.Length));
        (packet[6], packet[7]) = (FragmentHeader, 64);
        _from.Address.TryWriteBytes(packet.AsSpan(8), out _);
        _to.Address.TryWriteBytes(packet.AsSpan(24), out _);
        packet[40] = Udp;
        BinaryPrimitives.WriteUInt16BigEndian(packet.AsSpan(42), (ushort)(offset | (more ? 1 : 0)));
        BinaryPrimitives.WriteUInt32BigEndian(packet.AsSpan(44), id);
        bytes.CopyTo(packet.AsSpan(48));
        return packet;
    }

    private ushort Checksum(ReadOnlySpan<byte> datagram)
    {
        var sum = Add(Udp + (uint)datagram.Length, _from.Address.GetAddressBytes());
        sum = Add(Add(sum, _to.Address.GetAddressBytes()), datagram);
        while (sum >> 16 != 0)
        {
            sum = (sum & 0xFFFF) + (sum >> 16);
        }

        return (ushort)~sum is var check and not 0 ? check : (ushort)0xFFFF;
    }

    private static uint Add(uint sum, ReadOnlySpan<byte> bytes)
    {
        for (; bytes.Length >= 2; bytes = bytes[2..])
        {
            sum += BinaryPrimitives.ReadUInt16BigEndian(bytes);
        }

        return bytes.Length == 0 ? sum : sum + ((uint)bytes[0] << 8);
    }
}
