namespace Culvert.Core;

/// <summary>What the sender is told of what was dropped or refused.</summary>
public enum ReasonAnswer
{
    /// <summary>Nothing: a later try may succeed, or nobody should learn of it.</summary>
    Silent = 0,

    /// <summary>TCP gets a reset (RFC 9293, 3.10.7), where the sender can be answered; datagrams get nothing.</summary>
    Reset = 1,

    /// <summary>TCP as with <see cref="Reset"/>; a datagram is answered with ICMP port unreachable (RFC 1122, 3.2.2.1; RFC 4443, 3.1) when a pod of this node sent it.</summary>
    Unreachable = 2,
}
