namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Why the proxy dropped a datagram. Names are label values of metrics; append only.</summary>
internal enum UdpDrop
{
    /// <summary>Its PROXY header was refused; the reason is counted apart.</summary>
    Header = 0,

    /// <summary>Its session is refused: policy, no route, no backend.</summary>
    Refused = 1,

    /// <summary>There are as many sessions as there may be.</summary>
    SessionLimit = 2,

    /// <summary>It came while the way was being made, and enough others wait already.</summary>
    Pending = 3,

    /// <summary>The kernel did not take it: no buffer, no route, too long.</summary>
    Send = 4,

    /// <summary>No socket could be had to answer the client from.</summary>
    Answer = 5,

    /// <summary>An answer that belongs to no session.</summary>
    NoSession = 6,

    /// <summary>The tunnel had no room for it.</summary>
    Tunnel = 7,
}
