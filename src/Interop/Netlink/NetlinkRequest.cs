using System.Buffers.Binary;
using System.Net;
using System.Runtime.InteropServices;
using System.Text;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Builds one netlink message: a fixed header struct, then attributes aligned to 4 bytes.</summary>
internal sealed class NetlinkRequest
{
    private const int HeaderBytes = 16;
    private const int AttributeBytes = 4;

    private byte[] _buffer = new byte[512];
    private int _length = HeaderBytes;

    private NetlinkRequest(ushort type, ushort flags)
    {
        Type = type;
        Flags = flags;
    }

    internal ushort Type { get; }

    internal ushort Flags { get; }

    internal static NetlinkRequest Create<T>(ushort type, ushort flags, T body)
        where T : unmanaged
    {
        NetlinkRequest request = new(type, (ushort)(flags | Rt.NLM_F_REQUEST));
        return request.Raw(body);
    }

    /// <summary>Appends a struct that is no attribute.</summary>
    internal NetlinkRequest Raw<T>(T value)
        where T : unmanaged
    {
        ReadOnlySpan<byte> bytes = MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value));
        bytes.CopyTo(Grow(bytes.Length));
        return this;
    }

    internal NetlinkRequest Add(ushort type, ReadOnlySpan<byte> value)
    {
        Span<byte> attribute = Grow(AttributeBytes + value.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(attribute, (ushort)(AttributeBytes + value.Length));
        BinaryPrimitives.WriteUInt16LittleEndian(attribute[2..], type);
        value.CopyTo(attribute[AttributeBytes..]);
        return this;
    }

    internal NetlinkRequest Add<T>(ushort type, T value)
        where T : unmanaged
        => Add(type, MemoryMarshal.AsBytes(new ReadOnlySpan<T>(in value)));

    /// <summary>A zero-terminated string.</summary>
    internal NetlinkRequest Add(ushort type, string value) => Add(type, Encoding.UTF8.GetBytes($"{value}\0"));

    internal NetlinkRequest Add(ushort type, IPAddress value) => Add(type, value.GetAddressBytes());

    /// <summary>Adds a value only when there is one.</summary>
    internal NetlinkRequest AddIf<T>(ushort type, T? value)
        where T : unmanaged
        => value is { } present ? Add(type, present) : this;

    /// <summary>Appends an attribute that holds what <paramref name="content"/> appends.</summary>
    internal NetlinkRequest Nest(ushort type, Action<NetlinkRequest> content)
    {
        int start = _length;
        Add(type, ReadOnlySpan<byte>.Empty);
        content(this);
        BinaryPrimitives.WriteUInt16LittleEndian(_buffer.AsSpan(start), (ushort)(_length - start));
        return this;
    }

    /// <summary>The finished message.</summary>
    internal ReadOnlySpan<byte> Finish(uint sequence)
    {
        Libc.nlmsghdr header = new() { nlmsg_len = (uint)_length, nlmsg_type = Type, nlmsg_flags = Flags, nlmsg_seq = sequence };
        MemoryMarshal.Write(_buffer, in header);
        return _buffer.AsSpan(0, _length);
    }

    /// <summary>Room at the end; the padding after it is zero.</summary>
    private Span<byte> Grow(int bytes)
    {
        int start = _length;
        _length += (bytes + 3) & ~3;
        if (_length > _buffer.Length) Array.Resize(ref _buffer, Math.Max(_length, 2 * _buffer.Length));
        return _buffer.AsSpan(start, bytes);
    }
}
