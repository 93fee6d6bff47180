namespace Culvert.NodeAgent.Proxy;

/// <summary>Why the proxy dropped a datagram. Names are label values of metrics; append only.</summary>
internal enum DatagramDrop
{
    /// <summary>The tunnel has no room: its windows are closed, its output waits for the network, or it is gone.</summary>
    TunnelFull = 0,

    /// <summary>A peer sent a datagram with a context id that was not agreed upon (RFC 9298, section 4).</summary>
    UnknownContext = 1,

    /// <summary>A peer announced a datagram longer than any there is; its stream was reset.</summary>
    CapsuleTooLong = 2,

    /// <summary>A pod answered from another port than it was asked at, and the peer does not take such answers.</summary>
    OtherSourcePort = 3,

    /// <summary>The datagram's capsule was cut short, or too short for its own header.</summary>
    MalformedCapsule = 4,
}
