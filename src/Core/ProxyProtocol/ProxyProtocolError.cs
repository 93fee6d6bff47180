namespace Culvert.Core;

/// <summary>Why a PROXY protocol header was refused. Names are label values of metrics; append only.</summary>
public enum ProxyProtocolError
{
    /// <summary>Nothing is wrong.</summary>
    None = 0,

    /// <summary>What is there may be the start of a header, but the end is missing. Of a datagram: it is truncated.</summary>
    Incomplete = 1,

    /// <summary>Neither the signature of version 2 nor the word PROXY of version 1.</summary>
    Signature = 2,

    /// <summary>The signature is right, but the version is not 2.</summary>
    Version = 3,

    /// <summary>A command other than LOCAL and PROXY.</summary>
    Command = 4,

    /// <summary>A family or transport that does not exist; or one that can't be where the header came.</summary>
    Family = 5,

    /// <summary>The length has no room for the family's addresses.</summary>
    Length = 6,

    /// <summary>Longer than the receiver's bound.</summary>
    TooLong = 7,

    /// <summary>A TLV overruns the header, or one that may come once came twice, or has a wrong size.</summary>
    Tlv = 8,

    /// <summary>The CRC32C is not that of the header.</summary>
    Crc = 9,

    /// <summary>A line of version 1 that breaks its grammar.</summary>
    Text = 10,

    /// <summary>LOCAL, or no addresses, where addresses are needed.</summary>
    NoAddress = 11,

    /// <summary>The header contradicts the addresses that the packet really had.</summary>
    AddressMismatch = 12,

    /// <summary>The sender is not among those whose headers are believed.</summary>
    Untrusted = 13,

    /// <summary>What the kernel program must have added is missing or malformed.</summary>
    KernelData = 14,

    /// <summary>Of a stream: the header was not complete in time.</summary>
    Timeout = 15,
}
