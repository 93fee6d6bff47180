namespace Culvert.Core;

/// <summary>Names of IP protocols as people know them. Thread-safe.</summary>
public static class IpProtocolNames
{
    /// <summary>The keyword of a protocol in lower case (IANA, Assigned Internet Protocol Numbers); <c>ip-</c> and the number where it is none that a pod is likely to send.</summary>
    /// <param name="protocol">The number in the IP header, 0 to 255.</param>
    public static string Of(byte protocol) => protocol switch
    {
        1 => "icmp",
        2 => "igmp",
        4 => "ipv4",
        6 => "tcp",
        17 => "udp",
        33 => "dccp",
        41 => "ipv6",
        47 => "gre",
        50 => "esp",
        51 => "ah",
        58 => "icmpv6",
        132 => "sctp",
        136 => "udplite",
        _ => $"ip-{protocol}",
    };
}
