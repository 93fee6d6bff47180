namespace Culvert.Interop.Netlink;

/// <summary>What a route does (RTN_* of linux/rtnetlink.h).</summary>
public enum RouteType
{
    /// <summary>Not set; when deleting: any.</summary>
    Unspecified = 0,

    /// <summary>Send on.</summary>
    Unicast = 1,

    /// <summary>Take in as our own.</summary>
    Local = 2,

    /// <summary>Broadcast.</summary>
    Broadcast = 3,

    /// <summary>Anycast.</summary>
    Anycast = 4,

    /// <summary>Multicast.</summary>
    Multicast = 5,

    /// <summary>Drop.</summary>
    Blackhole = 6,

    /// <summary>Refuse: no route to host.</summary>
    Unreachable = 7,

    /// <summary>Refuse: administratively prohibited.</summary>
    Prohibit = 8,

    /// <summary>No route in this table: the next rule is looked at.</summary>
    Throw = 9,
}
