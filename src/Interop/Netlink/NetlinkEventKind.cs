namespace Culvert.Interop.Netlink;

/// <summary>What happened.</summary>
public enum NetlinkEventKind
{
    /// <summary>A link came or changed.</summary>
    LinkChanged,

    /// <summary>A link went, or moved to another namespace.</summary>
    LinkRemoved,

    /// <summary>An address came or changed.</summary>
    AddressChanged,

    /// <summary>An address went.</summary>
    AddressRemoved,

    /// <summary>A route came or changed.</summary>
    RouteChanged,

    /// <summary>A route went.</summary>
    RouteRemoved,

    /// <summary>A rule came.</summary>
    RuleAdded,

    /// <summary>A rule went.</summary>
    RuleRemoved,

    /// <summary>A queueing discipline or filter of a link came, changed or went; programs that are attached by TCX are not told of.</summary>
    TrafficControlChanged,

    /// <summary>Events were lost because they were not read fast enough: list everything again.</summary>
    Lost,
}
