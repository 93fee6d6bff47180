using System.Net;
using System.Runtime.InteropServices;
using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Rules.</summary>
public sealed partial class RouteNetlink
{
    /// <summary>Lists the rules of both families.</summary>
    /// <returns>In the order in which the kernel looks at them, IPv4 first.</returns>
    /// <exception cref="NetlinkException">The kernel refused.</exception>
    public IReadOnlyList<IpRule> GetRules()
    {
        List<IpRule> rules = [];
        foreach (byte family in (ReadOnlySpan<byte>)[Libc.AF_INET, Libc.AF_INET6])
        {
            NetlinkRequest request = NetlinkRequest.Create(Rt.RTM_GETRULE, Rt.NLM_F_DUMP, new Libc.fib_rule_hdr { family = family });
            rules.AddRange(_socket.Dump(request, "list rules", (_, body) => ParseRule(body.Span)));
        }
        return rules;
    }

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

    // What the kernel says of a suppressor that nobody has set.
    private const int Unset = -1;

    // What is not known here is a condition: whoever asks must not take such a rule for one that is about more packets, or fewer.
    private static IpRule ParseRule(ReadOnlySpan<byte> body)
    {
        Libc.fib_rule_hdr header = MemoryMarshal.Read<Libc.fib_rule_hdr>(body);
        NetlinkAttributes attributes = NetlinkAttributes.After<Libc.fib_rule_hdr>(body);
        IpRule rule = new()
        {
            Family = Family(header.family),
            Priority = 0,
            Table = header.table,
            Action = (IpRuleAction)header.action,
            Invert = (header.flags & Rt.FIB_RULE_INVERT) != 0,
            HasMore = header.tos != 0,
        };
        while (attributes.Next())
        {
            rule = attributes.Type switch
            {
                Rt.FRA_TABLE => rule with { Table = attributes.Int32 },
                Rt.FRA_PRIORITY => rule with { Priority = attributes.UInt32 },
                Rt.FRA_GOTO => rule with { Target = attributes.UInt32 },
                Rt.FRA_SRC => rule with { Source = Network(attributes.Value, header.src_len) },
                Rt.FRA_DST => rule with { Destination = Network(attributes.Value, header.dst_len) },
                Rt.FRA_FWMARK => rule with { Mark = attributes.UInt32 },
                Rt.FRA_FWMASK => rule with { Mask = attributes.UInt32 },
                Rt.FRA_IIFNAME => rule with { InputInterface = attributes.Text },
                Rt.FRA_OIFNAME => rule with { OutputInterface = attributes.Text },
                Rt.FRA_L3MDEV => rule with { IsOfVirtualRouters = attributes.Value[0] != 0 },
                Rt.FRA_IP_PROTO => rule with { IpProtocol = attributes.Value[0] },
                Rt.FRA_DPORT_RANGE => rule with { DestinationPort = MemoryMarshal.Read<ushort>(attributes.Value), HasMore = rule.HasMore || MemoryMarshal.Read<ushort>(attributes.Value[2..]) != MemoryMarshal.Read<ushort>(attributes.Value) },
                // All of its bits, unless somebody has said otherwise. Kernel 6.15.
                Rt.FRA_DPORT_MASK when MemoryMarshal.Read<ushort>(attributes.Value) == ushort.MaxValue => rule,
                Rt.FRA_PROTOCOL => rule with { Protocol = attributes.Value[0] },
                // Which routes of the table count, not which packets.
                Rt.FRA_SUPPRESS_IFGROUP or Rt.FRA_SUPPRESS_PREFIXLEN => rule with { PassesRoutesOver = rule.PassesRoutesOver || attributes.Int32 != Unset },
                _ => rule with { HasMore = true },
            };
        }
        return rule;
    }

    // The kernel keeps the bits behind the prefix as they were given, and does not look at them.
    private static IPNetwork Network(ReadOnlySpan<byte> address, int length)
    {
        byte[] bytes = address.ToArray();
        for (int bit = length; bit < bytes.Length * 8; bit++) bytes[bit / 8] &= (byte)~(0x80 >> (bit % 8));
        return new IPNetwork(new IPAddress(bytes), length);
    }

    private static NetlinkRequest Request(ushort type, ushort flags, IpRule rule)
    {
        ArgumentNullException.ThrowIfNull(rule);
        Libc.fib_rule_hdr body = new()
        {
            family = Family(rule.Family),
            action = (byte)rule.Action,
            src_len = (byte)(rule.Source?.PrefixLength ?? 0),
            dst_len = (byte)(rule.Destination?.PrefixLength ?? 0),
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
        if (rule.OutputInterface is { } output) request.Add(Rt.FRA_OIFNAME, output);
        if (rule.Source is { } source) request.Add(Rt.FRA_SRC, source.BaseAddress);
        if (rule.Destination is { } destination) request.Add(Rt.FRA_DST, destination.BaseAddress);
        if (rule.IsOfVirtualRouters) request.Add(Rt.FRA_L3MDEV, (byte)1);
        return request;
    }
}
