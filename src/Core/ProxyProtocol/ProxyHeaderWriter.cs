using System.Buffers.Binary;

namespace Culvert.Core;

/// <summary>
/// Writes a PROXY v2 header into a buffer: addresses first, then TLVs in the order added, and at the end optionally the
/// checksum. What does not fit is refused and leaves the header as it was. For one thread.
/// </summary>
/// <remarks>A client and a destination of different families are both written as IPv6 (IPv4 in its mapped form).</remarks>
public ref struct ProxyHeaderWriter
{
    private readonly Span<byte> _buffer;
    private int _length;

    /// <summary>Starts a header for a client's connection or datagram.</summary>
    /// <param name="buffer">Room for the header; at least 52 bytes.</param>
    /// <param name="transport">TCP or UDP.</param>
    /// <param name="source">The client.</param>
    /// <param name="destination">What it connected to.</param>
    /// <exception cref="ArgumentException">The buffer has no room for the addresses.</exception>
    public ProxyHeaderWriter(Span<byte> buffer, TransportProtocol transport, in ProxyEndPoint source, in ProxyEndPoint destination)
    {
        bool ipv4 = source.IsIPv4 && destination.IsIPv4;
        _length = ProxyHeaderReader.FixedLength + (ipv4 ? ProxyHeaderReader.IPv4Block : ProxyHeaderReader.IPv6Block);
        if (buffer.Length < _length) throw new ArgumentException("No room for the addresses of a PROXY header.", nameof(buffer));
        _buffer = buffer;
        ProxyHeaderReader.Signature.CopyTo(buffer);
        buffer[12] = 0x21;
        buffer[13] = (byte)((ipv4 ? 0x10 : 0x20) | (transport == TransportProtocol.Tcp ? 1 : 2));
        Span<byte> block = buffer[ProxyHeaderReader.FixedLength..];
        if (ipv4)
        {
            BinaryPrimitives.WriteUInt32BigEndian(block, (uint)source.Low);
            BinaryPrimitives.WriteUInt32BigEndian(block[4..], (uint)destination.Low);
        }
        else
        {
            BinaryPrimitives.WriteUInt64BigEndian(block, source.High);
            BinaryPrimitives.WriteUInt64BigEndian(block[8..], source.Low);
            BinaryPrimitives.WriteUInt64BigEndian(block[16..], destination.High);
            BinaryPrimitives.WriteUInt64BigEndian(block[24..], destination.Low);
        }

        BinaryPrimitives.WriteUInt16BigEndian(buffer[(_length - 4)..], source.Port);
        BinaryPrimitives.WriteUInt16BigEndian(buffer[(_length - 2)..], destination.Port);
    }

    /// <summary>Adds a TLV.</summary>
    /// <param name="type">See <see cref="ProxyTlvType"/>; the checksum is added by <see cref="Finish"/>.</param>
    /// <param name="value">Its value.</param>
    /// <returns>Whether it fitted.</returns>
    public bool TryAdd(byte type, scoped ReadOnlySpan<byte> value)
    {
        int end = _length + 3 + value.Length;
        if (end > _buffer.Length || end > ProxyHeaderReader.FixedLength + ushort.MaxValue) return false;
        _buffer[_length] = type;
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[(_length + 1)..], (ushort)value.Length);
        value.CopyTo(_buffer[(_length + 3)..]);
        _length = end;
        return true;
    }

    /// <summary>Writes the length and, if wanted and there is room for it, the checksum.</summary>
    /// <param name="checksum">Whether to add a CRC32C.</param>
    /// <returns>Bytes of the header.</returns>
    public int Finish(bool checksum = false)
    {
        bool added = checksum && TryAdd(ProxyTlvType.Crc32C, [0, 0, 0, 0]);
        BinaryPrimitives.WriteUInt16BigEndian(_buffer[14..], (ushort)(_length - ProxyHeaderReader.FixedLength));
        if (added)
        {
            uint crc = Crc32C.Finish(Crc32C.Append(Crc32C.Seed, _buffer[.._length]));
            BinaryPrimitives.WriteUInt32BigEndian(_buffer[(_length - sizeof(uint))..], crc);
        }

        return _length;
    }
}
