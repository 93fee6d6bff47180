using System.Buffers.Binary;
using System.Net;

namespace Culvert.Datapath.Tests.Support;

/// <summary>A packet read back, without extension headers. Reading checks lengths and every sum.</summary>
internal sealed class PacketView
{
    private readonly byte[] _bytes;

    internal PacketView(byte[] bytes, int l3 = Packet.EthernetLength, bool whole = true)
    {
        _bytes = bytes;
        bool v6 = bytes[l3] >> 4 == 6;
        int header = v6 ? 40 : (bytes[l3] & 15) * 4;
        int length = v6 ? 40 + Word(l3 + 4) : Word(l3 + 2);
        if (whole) Assert.Equal(bytes.Length - l3, length);
        Source = new IPAddress(bytes.AsSpan(v6 ? l3 + 8 : l3 + 12, v6 ? 16 : 4));
        Destination = new IPAddress(bytes.AsSpan(v6 ? l3 + 24 : l3 + 16, v6 ? 16 : 4));
        Protocol = v6 ? bytes[l3 + 6] : bytes[l3 + 9];
        L4 = l3 + header;
        if (!v6) Assert.Equal(0, Checksum.Fold(Checksum.Sum(bytes.AsSpan(l3, header))));
        IsFragment = !v6 && (Word(l3 + 6) & 0x3fff) != 0;
        if (whole && !IsFragment) CheckL4(v6);
    }

    internal IPAddress Source { get; }

    internal IPAddress Destination { get; }

    internal byte Protocol { get; }

    /// <summary>Where the transport header begins.</summary>
    internal int L4 { get; }

    internal bool IsFragment { get; }

    internal ushort SourcePort => Word(L4);

    internal ushort DestinationPort => Word(L4 + 2);

    internal TcpFlags Flags => (TcpFlags)_bytes[L4 + 13];

    internal uint Sequence => BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(L4 + 4));

    internal uint Acknowledgement => BinaryPrimitives.ReadUInt32BigEndian(_bytes.AsSpan(L4 + 8));

    internal ushort UdpChecksum => Word(L4 + 6);

    internal IPEndPoint From => new(Source, SourcePort);

    internal IPEndPoint To => new(Destination, DestinationPort);

    internal byte[] DestinationMac => _bytes[..6];

    internal byte[] SourceMac => _bytes[6..12];

    internal int Length => _bytes.Length;

    /// <summary>The packet that an ICMP error quotes.</summary>
    internal PacketView Quoted => new(_bytes, L4 + 8, whole: false);

    private ushort Word(int at) => BinaryPrimitives.ReadUInt16BigEndian(_bytes.AsSpan(at));

    private void CheckL4(bool v6)
    {
        if (Protocol is not (Packet.Tcp or Packet.Udp or Packet.Icmp or Packet.Icmp6)) return;
        if (Protocol == Packet.Udp && !v6 && UdpChecksum == 0) return;
        ReadOnlySpan<byte> l4 = _bytes.AsSpan(L4);
        uint pseudo = Protocol == Packet.Icmp ? 0 : Checksum.Pseudo(Source, Destination, Protocol, l4.Length);
        Assert.Equal(0, Checksum.Fold(pseudo + Checksum.Sum(l4)));
    }
}
