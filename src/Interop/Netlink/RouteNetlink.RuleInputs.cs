using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Rules by the link that packets came in by, whatever they do.</summary>
public sealed partial class RouteNetlink
{
    /// <summary>Lists the rules of both families that look at the link a packet came in by, also those that <see cref="GetRules"/> leaves out.</summary>
    /// <returns>In the order in which the kernel looks at them, IPv4 first.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<RuleInput> GetRuleInputs() => ListRules(body => ParseRuleInput(body.Span));

    private static RuleInput? ParseRuleInput(ReadOnlySpan<byte> body)
    {
        Libc.fib_rule_hdr header = MemoryMarshal.Read<Libc.fib_rule_hdr>(body);
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.fib_rule_hdr>(body);
        int table = header.table;
        uint priority = 0;
        string? input = null;
        while (attributes.Next())
        {
            if (attributes.Type == Rt.FRA_PRIORITY) priority = attributes.UInt32;
            else if (attributes.Type == Rt.FRA_TABLE) table = attributes.Int32;
            else if (attributes.Type == Rt.FRA_IIFNAME) input = attributes.Text;
        }
        return input is null ? null : new RuleInput(Family(header.family), priority, input, header.action == Rt.FR_ACT_TO_TBL ? table : null);
    }
}
