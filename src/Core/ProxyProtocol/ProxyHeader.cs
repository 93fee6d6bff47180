using System.Buffers.Binary;

namespace Culvert.Core;

/// <summary>A PROXY protocol header that has been read and checked. Looks into the buffer it was read from.</summary>
public readonly ref struct ProxyHeader
{
    /// <summary>Bytes of the header: what follows is the application's.</summary>
    public int Length { get; init; }

    /// <summary>1 or 2.</summary>
    public int Version { get; init; }

    /// <summary>Whether the sender speaks for itself (health checks): there is no other client.</summary>
    public bool IsLocal { get; init; }

    /// <summary>Whether there are IP addresses and ports; else the socket's own addresses are the client's.</summary>
    public bool HasAddresses { get; init; }

    /// <summary>TCP or UDP, where there are addresses.</summary>
    public TransportProtocol Transport { get; init; }

    /// <summary>The client.</summary>
    public ProxyEndPoint Source { get; init; }

    /// <summary>What the client connected to.</summary>
    public ProxyEndPoint Destination { get; init; }

    /// <summary>All TLVs as they stand in the header; well formed.</summary>
    public ReadOnlySpan<byte> Tlvs { get; init; }

    /// <summary>Finds the first TLV of a type.</summary>
    /// <param name="type">See <see cref="ProxyTlvType"/>.</param>
    /// <param name="value">Its value, when true is returned.</param>
    public bool TryGetTlv(byte type, out ReadOnlySpan<byte> value)
    {
        ReadOnlySpan<byte> rest = Tlvs;
        while (rest.Length >= 3)
        {
            int length = BinaryPrimitives.ReadUInt16BigEndian(rest[1..]);
            if (rest[0] == type)
            {
                value = rest.Slice(3, length);
                return true;
            }

            rest = rest[(3 + length)..];
        }

        value = default;
        return false;
    }
}
