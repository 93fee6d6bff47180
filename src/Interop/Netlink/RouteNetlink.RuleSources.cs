using System.Net;
using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Rules by the address that packets come from.</summary>
public sealed partial class RouteNetlink
{
    // What every rule has; whichever else a rule has is a condition, or what becomes of the packets that it is for.
    private static readonly ushort[] FieldsOfEveryRule = [Rt.FRA_SRC, Rt.FRA_PRIORITY, Rt.FRA_TABLE, Rt.FRA_PROTOCOL, Rt.FRA_SUPPRESS_IFGROUP, Rt.FRA_SUPPRESS_PREFIXLEN];

    /// <summary>Lists the rules of both families that lead whatever comes from one single address to a table: those with any further condition are left out.</summary>
    /// <returns>In the order in which the kernel looks at them, IPv4 first.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<RuleSource> GetRuleSources() => ListRules(body => ParseRuleSource(body.Span));

    private static RuleSource? ParseRuleSource(ReadOnlySpan<byte> body)
    {
        Libc.fib_rule_hdr header = MemoryMarshal.Read<Libc.fib_rule_hdr>(body);
        if (header.action != Rt.FR_ACT_TO_TBL || header.dst_len != 0 || header.tos != 0 || (header.flags & Rt.FIB_RULE_INVERT) != 0) return null;
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.fib_rule_hdr>(body);
        int table = header.table;
        uint priority = 0;
        IPAddress? source = null;
        while (attributes.Next())
        {
            if (!FieldsOfEveryRule.Contains(attributes.Type)) return null;
            if (attributes.Type == Rt.FRA_TABLE) table = attributes.Int32;
            else if (attributes.Type == Rt.FRA_PRIORITY) priority = attributes.UInt32;
            else if (attributes.Type == Rt.FRA_SRC && header.src_len == attributes.Value.Length * 8) source = new IPAddress(attributes.Value);
        }
        return source is null ? null : new RuleSource(priority, source, table);
    }
}
