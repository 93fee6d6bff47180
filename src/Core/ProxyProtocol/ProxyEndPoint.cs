namespace Culvert.Core;

/// <summary>An address and a port of a PROXY protocol header. IPv4 is held as ::ffff:a.b.c.d.</summary>
/// <param name="High">The first eight bytes of the address, as a big-endian number.</param>
/// <param name="Low">The last eight bytes of the address, as a big-endian number.</param>
/// <param name="Port">The port, in host order.</param>
public readonly record struct ProxyEndPoint(ulong High, ulong Low, ushort Port)
{
    internal const ulong MappedPrefix = 0x0000_FFFF_0000_0000;

    /// <summary>Whether the address is IPv4.</summary>
    public bool IsIPv4 => High == 0 && (Low & 0xFFFF_FFFF_0000_0000) == MappedPrefix;

    internal static ProxyEndPoint FromIPv4(uint address, ushort port) => new(0, MappedPrefix | address, port);
}
