namespace Culvert.Core;

/// <summary>Types of TLVs in a PROXY v2 header (proxy-protocol.txt 2.2; 0xD0 as Istio's ztunnel has it).</summary>
public static class ProxyTlvType
{
    /// <summary>The negotiated application protocol.</summary>
    public const byte Alpn = 0x01;

    /// <summary>The host name the client asked for (SNI): UTF-8.</summary>
    public const byte Authority = 0x02;

    /// <summary>Checksum of the header: 4 bytes.</summary>
    public const byte Crc32C = 0x03;

    /// <summary>Padding.</summary>
    public const byte NoOp = 0x04;

    /// <summary>A number of the connection: at most 128 opaque bytes.</summary>
    public const byte UniqueId = 0x05;

    /// <summary>What is known of the client's TLS.</summary>
    public const byte Ssl = 0x20;

    /// <summary>Name of the client's network namespace.</summary>
    public const byte NetworkNamespace = 0x30;

    /// <summary>The client's SPIFFE ID: ASCII.</summary>
    public const byte SpiffeId = 0xD0;

    /// <summary>What the kernel program attests of a captured datagram.</summary>
    public const byte KernelData = 0xE0;
}
