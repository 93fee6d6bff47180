namespace Culvert.NodeAgent.Proxy.Tunnel;

/// <summary>What a DATAGRAM capsule of a CONNECT-UDP stream turned out to hold.</summary>
internal enum DatagramCapsuleContent
{
    /// <summary>A datagram.</summary>
    Payload,

    /// <summary>That nobody listens at the destination's port.</summary>
    Unreachable,

    /// <summary>Something of a context that was not agreed on: to be dropped (RFC 9298, section 4).</summary>
    UnknownContext,

    /// <summary>Less than its context asks for.</summary>
    Malformed,

    /// <summary>More than a datagram of UDP can be: an error of the stream (RFC 9298, section 5).</summary>
    TooLong,
}
