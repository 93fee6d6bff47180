using System.Net.Sockets;

namespace Culvert.Interop.Netlink;

/// <summary>A policy routing rule: which packets look in which table, have no route, or skip other rules.</summary>
public sealed record IpRule
{
    /// <summary>IPv4 or IPv6.</summary>
    public required AddressFamily Family { get; init; }

    /// <summary>Lower is looked at first; 0 is the kernel's own rule for the local table.</summary>
    public required uint Priority { get; init; }

    /// <summary>The table to look in; that of a rule with another action only tells whose rule it is.</summary>
    public required int Table { get; init; }

    /// <summary>What happens to the packets.</summary>
    public IpRuleAction Action { get; init; } = IpRuleAction.Lookup;

    /// <summary>Where <see cref="IpRuleAction.GoTo"/> goes on: a priority higher than the rule's own; null for other actions.</summary>
    public uint? Target { get; init; }

    /// <summary>Packets with this mark, or null for any.</summary>
    public uint? Mark { get; init; }

    /// <summary>The bits of the mark that count; null for all.</summary>
    public uint? Mask { get; init; }

    /// <summary>Packets that came in by this link, or null for any; "lo" stands for our own.</summary>
    public string? InputInterface { get; init; }

    /// <summary>Packets of this protocol (6 TCP, 17 UDP), or null for any. Kernel 4.17.</summary>
    public byte? IpProtocol { get; init; }

    /// <summary>Packets to this port, or null for any. Kernel 4.17.</summary>
    public ushort? DestinationPort { get; init; }

    /// <summary>Packets that do not match the rest.</summary>
    public bool Invert { get; init; }

    /// <summary>Who put it there (RTPROT_*); zero for nobody in particular.</summary>
    public byte Protocol { get; init; }

    /// <inheritdoc/>
    public override string ToString()
        => $"{(Family == AddressFamily.InterNetworkV6 ? "IPv6 " : "")}{Priority}:{(Invert ? " not" : "")}{(Mark is { } m ? $" mark 0x{m:x}/0x{Mask ?? uint.MaxValue:x}" : "")}"
            + $"{(InputInterface is null ? "" : $" from link {InputInterface}")}{(IpProtocol is { } p ? $" protocol {p}" : "")}"
            + $"{(DestinationPort is { } d ? $" port {d}" : "")} {Does} table {Table}";

    private string Does => Action switch
    {
        IpRuleAction.Lookup => "to",
        IpRuleAction.GoTo => $"go to {Target}, of",
        IpRuleAction.None => "nothing, of",
        _ => "unreachable, of",
    };
}
