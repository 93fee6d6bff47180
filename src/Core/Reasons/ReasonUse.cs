namespace Culvert.Core;

/// <summary>Who gives a <see cref="DropReason"/>, and which metrics have it as a label.</summary>
[Flags]
public enum ReasonUse
{
    /// <summary>The kernel's programs, of a packet: <c>culvert_drops_total</c>.</summary>
    Packet = 1,

    /// <summary>The proxy, of a connection or session: <c>culvert_tcp_connections_failed_total</c>, <c>culvert_udp_sessions_failed_total</c>.</summary>
    Connection = 2,

    /// <summary>The proxy, of a datagram: <c>culvert_udp_dropped_total</c>.</summary>
    Datagram = 4,
}
