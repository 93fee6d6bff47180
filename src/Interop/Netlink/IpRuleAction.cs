namespace Culvert.Interop.Netlink;

/// <summary>What a rule does with the packets that it matches; the numbers are the kernel's (FR_ACT_*).</summary>
public enum IpRuleAction : byte
{
    /// <summary>They look in a table, and at the next rule where that has no route.</summary>
    Lookup = Rt.FR_ACT_TO_TBL,

    /// <summary>They go on at the first rule of a priority behind this one; the rule does nothing while there is no such rule.</summary>
    GoTo = Rt.FR_ACT_GOTO,

    /// <summary>Nothing: the next rule is looked at.</summary>
    None = Rt.FR_ACT_NOP,

    /// <summary>They are dropped (EINVAL).</summary>
    Blackhole = Rt.FR_ACT_BLACKHOLE,

    /// <summary>They have no route (ENETUNREACH), whatever later rules say.</summary>
    Unreachable = Rt.FR_ACT_UNREACHABLE,

    /// <summary>They are refused (EACCES).</summary>
    Prohibit = Rt.FR_ACT_PROHIBIT,
}
