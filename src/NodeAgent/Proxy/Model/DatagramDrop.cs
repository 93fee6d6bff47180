namespace Culvert.NodeAgent.Proxy.Model;

/// <summary>Why the proxy dropped a datagram. Names are label values of metrics; append only.</summary>
internal enum DatagramDrop
{
    /// <summary>The tunnel has no room: its windows are closed, fresher datagrams wait for the network in its place, or it is gone.</summary>
    TunnelFull = 0,

    /// <summary>A peer sent a datagram with a context id that was not agreed upon (RFC 9298, section 4).</summary>
    UnknownContext = 1,

    /// <summary>A peer announced a datagram longer than any there is; its stream was reset.</summary>
    CapsuleTooLong = 2,

    /// <summary>A pod answered from another port than it was asked at, and the peer does not take such answers.</summary>
    OtherSourcePort = 3,

    /// <summary>The datagram's capsule was cut short, or too short for its own header.</summary>
    MalformedCapsule = 4,

    /// <summary>Its PROXY header was refused; the reason is counted apart.</summary>
    BadHeader = 5,

    /// <summary>Its session is refused: by policy, or for want of a route or backend.</summary>
    SessionRefused = 6,

    /// <summary>There are as many sessions as there may be.</summary>
    SessionLimit = 7,

    /// <summary>It came while the tunnel was being opened, and enough others wait for that already.</summary>
    SessionOpening = 8,

    /// <summary>The kernel did not take it: no buffer, no route, or too long.</summary>
    SendFailed = 9,

    /// <summary>No socket could be had to answer the client from.</summary>
    NoAnswerSocket = 10,

    /// <summary>An answer that belongs to no session.</summary>
    UnknownSession = 11,

    /// <summary>The application wants a PROXY header in front, and both together are longer than a datagram can be.</summary>
    NoRoomForHeader = 12,

    /// <summary>It has waited for the network for so long that fresher ones go first.</summary>
    TooLate = 13,

    /// <summary>It came in pieces from another node, and its workload's share of the node's buffers is used up.</summary>
    NoRoomForPieces = 14,

    /// <summary>An application's answer in a session that policy has ended; it must not begin one of its own.</summary>
    LateAnswer = 15,
}
