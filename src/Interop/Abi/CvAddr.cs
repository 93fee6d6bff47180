using System.Net;
using System.Net.Sockets;
using System.Runtime.InteropServices;

namespace Culvert.Interop.Abi;

/// <summary>Conversions. IPv4 addresses are held as ::ffff:a.b.c.d.</summary>
public partial struct CvAddr
{
    private const int Length = 16;

    /// <summary>Whether no address is set.</summary>
    public readonly bool IsZero => !AsBytes(in this).ContainsAnyExcept((byte)0);

    /// <summary>Whether the address is an IPv4 one.</summary>
    public readonly bool IsIPv4 => AsBytes(in this)[..12].SequenceEqual((ReadOnlySpan<byte>)[0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff]);

    /// <summary>From an address; the scope of a link-local one is lost.</summary>
    /// <param name="address">IPv4 or IPv6.</param>
    /// <returns>The 16 bytes.</returns>
    /// <exception cref="ArgumentException">Another family.</exception>
    public static CvAddr From(IPAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        CvAddr result = default;
        Span<byte> bytes = MemoryMarshal.AsBytes(new Span<CvAddr>(ref result));
        IPAddress wide = address.AddressFamily == AddressFamily.InterNetwork ? address.MapToIPv6() : address;
        if (!wide.TryWriteBytes(bytes, out int written) || written != Length) throw new ArgumentException($"{address} is neither IPv4 nor IPv6", nameof(address));
        return result;
    }

    /// <summary>Back to an address; IPv4 comes out as IPv4.</summary>
    /// <returns>The address.</returns>
    public readonly IPAddress ToIPAddress() => IsIPv4 ? new IPAddress(AsBytes(in this)[12..]) : new IPAddress(AsBytes(in this));

    /// <inheritdoc/>
    public override readonly string ToString() => ToIPAddress().ToString();
}
