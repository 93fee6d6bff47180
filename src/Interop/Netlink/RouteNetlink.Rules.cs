using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Rules.</summary>
public sealed partial class RouteNetlink
{
    /// <summary>Lists the rules of both families that lead to a table, to other rules or nowhere.</summary>
    /// <returns>In the order in which the kernel looks at them, IPv4 first.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<IpRule> GetRules() => ListRules(body => ParseRule(body.Span));

    /// <summary>Adds a rule unless the very one is there.</summary>
    /// <param name="rule">The rule.</param>
    /// <returns>False when it was there.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool AddRule(IpRule rule) => TryChange(Request(Rt.RTM_NEWRULE, CreateOnly, rule), $"add rule {rule}", Errno.EEXIST);

    /// <summary>Removes a rule.</summary>
    /// <param name="rule">The rule.</param>
    /// <returns>False when there was none.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public bool DeleteRule(IpRule rule) => TryChange(Request(Rt.RTM_DELRULE, Rt.NLM_F_ACK, rule), $"delete rule {rule}", Errno.ENOENT);

    // What is made of each rule of both families, IPv4 first; null leaves one out.
    private List<T> ListRules<T>(Func<ReadOnlyMemory<byte>, T?> parse)
        where T : class
    {
        List<T> rules = [];
        foreach (byte family in (ReadOnlySpan<byte>)[Libc.AF_INET, Libc.AF_INET6])
        {
            NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_GETRULE, Rt.NLM_F_DUMP, new Libc.fib_rule_hdr { family = family });
            rules.AddRange(_socket.Dump(request, "list rules", (_, body) => parse(body)));
        }
        return rules;
    }

    private static IpRule? ParseRule(ReadOnlySpan<byte> body)
    {
        Libc.fib_rule_hdr header = MemoryMarshal.Read<Libc.fib_rule_hdr>(body);
        if (header.action is not (Rt.FR_ACT_TO_TBL or Rt.FR_ACT_GOTO or Rt.FR_ACT_NOP or Rt.FR_ACT_UNREACHABLE)) return null;
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.fib_rule_hdr>(body);
        int table = header.table;
        uint priority = 0;
        uint? mark = null, mask = null, target = null;
        string? input = null;
        byte? ipProtocol = null;
        ushort? port = null;
        byte protocol = 0;
        while (attributes.Next())
        {
            switch (attributes.Type)
            {
                case Rt.FRA_TABLE: table = attributes.Int32; break;
                case Rt.FRA_PRIORITY: priority = attributes.UInt32; break;
                case Rt.FRA_GOTO: target = attributes.UInt32; break;
                case Rt.FRA_FWMARK: mark = attributes.UInt32; break;
                case Rt.FRA_FWMASK: mask = attributes.UInt32; break;
                case Rt.FRA_IIFNAME: input = attributes.Text; break;
                case Rt.FRA_IP_PROTO: ipProtocol = attributes.Value[0]; break;
                case Rt.FRA_DPORT_RANGE: port = MemoryMarshal.Read<ushort>(attributes.Value); break;
                case Rt.FRA_PROTOCOL: protocol = attributes.Value[0]; break;
                default: break;
            }
        }
        return new IpRule
        {
            Family = Family(header.family),
            Priority = priority,
            Table = table,
            Action = (IpRuleAction)header.action,
            Target = target,
            Mark = mark,
            Mask = mask,
            InputInterface = input,
            IpProtocol = ipProtocol,
            DestinationPort = port,
            Invert = (header.flags & Rt.FIB_RULE_INVERT) != 0,
            Protocol = protocol,
        };
    }

    private static NetlinkRequest Request(ushort type, ushort flags, IpRule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        Libc.fib_rule_hdr body = new()
        {
            family = Family(rule.Family),
            action = (byte)rule.Action,
            flags = rule.Invert ? Rt.FIB_RULE_INVERT : 0,
            table = rule.Table < 256 ? (byte)rule.Table : Rt.RT_TABLE_COMPAT,
        };
        NetlinkRequest request = NetlinkRequest.Create(type, flags, body)
            .Add(Rt.FRA_TABLE, rule.Table).Add(Rt.FRA_PRIORITY, rule.Priority)
            .AddIf(Rt.FRA_GOTO, rule.Target).AddIf(Rt.FRA_FWMARK, rule.Mark).AddIf(Rt.FRA_FWMASK, rule.Mask).AddIf(Rt.FRA_IP_PROTO, rule.IpProtocol)
            .AddIf(Rt.FRA_PROTOCOL, rule.Protocol == 0 ? null : (byte?)rule.Protocol);
        // struct fib_rule_port_range: first and last port.
        if (rule.DestinationPort is { } port) request.Add(Rt.FRA_DPORT_RANGE, port | ((uint)port << 16));
        if (rule.InputInterface is { } input) request.Add(Rt.FRA_IIFNAME, input);
        return request;
    }
}
