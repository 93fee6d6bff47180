namespace Culvert.Core;

/// <summary>Transport protocols the mesh carries; the values are IANA protocol numbers.</summary>
public enum TransportProtocol : byte
{
    /// <summary>TCP (RFC 9293).</summary>
    Tcp = 6,

    /// <summary>UDP (RFC 768).</summary>
    Udp = 17,
}
