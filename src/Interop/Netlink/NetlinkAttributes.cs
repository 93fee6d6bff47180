using System.Buffers.Binary;
using System.Net;
using System.Runtime.CompilerServices;
using System.Runtime.InteropServices;
using System.Text;

namespace Culvert.Interop.Netlink;

/// <summary>Walks the attributes of a message: <c>while (attributes.Next()) switch (attributes.Type) ...</c></summary>
internal ref struct NetlinkAttributes(ReadOnlySpan<byte> bytes)
{
    private const int HeaderBytes = 4;

    /// <summary>NLA_TYPE_MASK: all but the flags for nesting and byte order.</summary>
    private const int TypeMask = 0x3fff;

    private ReadOnlySpan<byte> _rest = bytes;

    internal ushort Type { get; private set; }

    internal ReadOnlySpan<byte> Value { get; private set; }

    internal readonly uint UInt32 => MemoryMarshal.Read<uint>(Value);

    internal readonly int Int32 => MemoryMarshal.Read<int>(Value);

    internal readonly IPAddress Address => new(Value);

    internal readonly string Text
    {
        get
        {
            int end = Value.IndexOf((byte)0);
            return Encoding.UTF8.GetString(end < 0 ? Value : Value[..end]);
        }
    }

    /// <summary>The attributes that follow a fixed header.</summary>
    internal static NetlinkAttributes After<T>(ReadOnlySpan<byte> body)
        where T : unmanaged
        => new(body[Unsafe.SizeOf<T>()..]);

    /// <summary>Moves to the next attribute; false at the end.</summary>
    /// <exception cref="InvalidDataException">A length contradicts the message.</exception>
    internal bool Next()
    {
        if (_rest.Length < HeaderBytes) return false;
        int length = BinaryPrimitives.ReadUInt16LittleEndian(_rest);
        if (length < HeaderBytes || length > _rest.Length) throw new InvalidDataException($"netlink attribute of {length} bytes in {_rest.Length}");
        Type = (ushort)(BinaryPrimitives.ReadUInt16LittleEndian(_rest[2..]) & TypeMask);
        Value = _rest[HeaderBytes..length];
        _rest = _rest[Math.Min(_rest.Length, (length + 3) & ~3)..];
        return true;
    }
}
