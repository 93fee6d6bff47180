using System.Net;
using System.Net.Sockets;

namespace Culvert.Interop.Netlink;

/// <summary>A policy routing rule: which packets look in which table, are refused, or skip other rules.</summary>
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

    /// <summary>Packets from these addresses, or null for any.</summary>
    public IPNetwork? Source { get; init; }

    /// <summary>Packets to these addresses, or null for any.</summary>
    public IPNetwork? Destination { get; init; }

    /// <summary>Packets with this mark, or null for any.</summary>
    public uint? Mark { get; init; }

    /// <summary>The bits of the mark that count; null for all.</summary>
    public uint? Mask { get; init; }

    /// <summary>Packets that came in by this link, or null for any; "lo" stands for our own.</summary>
    public string? InputInterface { get; init; }

    /// <summary>Packets that leave by this link, which only sockets bound to it say before there is a route; or null for any.</summary>
    public string? OutputInterface { get; init; }

    /// <summary>Packets of this protocol (6 TCP, 17 UDP), or null for any. Kernel 4.17.</summary>
    public byte? IpProtocol { get; init; }

    /// <summary>Packets to this port, or null for any. Kernel 4.17.</summary>
    public ushort? DestinationPort { get; init; }

    /// <summary>Packets that do not match the rest.</summary>
    public bool Invert { get; init; }

    /// <summary>Who put it there (RTPROT_*); zero for nobody in particular.</summary>
    public byte Protocol { get; init; }

    /// <summary>Whether packets look in the tables of virtual routers (VRF), and not in <see cref="Table"/>.</summary>
    public bool IsOfVirtualRouters { get; init; }

    /// <summary>Whether there are conditions that nothing else here tells of. Read only.</summary>
    public bool HasMore { get; init; }

    /// <summary>Whether some routes of the table do not count (suppress_prefixlength, suppress_ifgroup). Read only.</summary>
    public bool PassesRoutesOver { get; init; }

    /// <summary>Whether it leads all packets to a table, and all of its routes count.</summary>
    /// <param name="table">The table.</param>
    public bool LeadsAllTo(int table) => Action == IpRuleAction.Lookup && Table == table && !PassesRoutesOver && IsForAll;

    /// <summary>The address, where the rule leads whatever comes from one single address to a table, without any further condition; null for other rules.</summary>
    public IPAddress? SingleSource => Source is { } from && from.PrefixLength == LengthOf(Family) && Action == IpRuleAction.Lookup && (this with { Source = null }).IsForAll ? from.BaseAddress : null;

    private bool IsForAll => !Invert && !HasMore && !IsOfVirtualRouters && (Source, Destination, Mark, Mask, InputInterface, OutputInterface, IpProtocol, DestinationPort) == default;

    /// <inheritdoc/>
    public override string ToString()
        => $"{(Family == AddressFamily.InterNetworkV6 ? "IPv6 " : "")}{Priority}:{(Invert ? " not" : "")}{(Source is { } s ? $" from {s}" : "")}{(Destination is { } d ? $" to {d}" : "")}"
            + $"{(Mark is null && Mask is null ? "" : $" mark 0x{Mark ?? 0:x}/0x{Mask ?? uint.MaxValue:x}")}{(InputInterface is null ? "" : $" from link {InputInterface}")}{(OutputInterface is null ? "" : $" to link {OutputInterface}")}"
            + $"{(IpProtocol is { } p ? $" protocol {p}" : "")}{(DestinationPort is { } port ? $" port {port}" : "")}{(HasMore ? " and more" : "")} {Does}";

    private string Does => Action switch
    {
        IpRuleAction.Lookup when IsOfVirtualRouters => "to tables of virtual routers",
        IpRuleAction.Lookup => $"to table {Table}",
        IpRuleAction.GoTo => $"go to {Target}, of table {Table}",
        IpRuleAction.None => $"nothing, of table {Table}",
        _ => Table == 0 ? Refusal : $"{Refusal}, of table {Table}",
    };

    private string Refusal => Enum.IsDefined(Action) ? Action.ToString().ToLowerInvariant() : $"action {(byte)Action}";

    private static int LengthOf(AddressFamily family) => family == AddressFamily.InterNetwork ? 32 : 128;
}
