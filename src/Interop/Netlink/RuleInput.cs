using System.Net.Sockets;

namespace Culvert.Interop.Netlink;

/// <summary>A policy routing rule that looks at the link a packet came in by.</summary>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="Priority">Lower is looked at first.</param>
/// <param name="Interface">The link; "lo" stands for packets of the node's own.</param>
/// <param name="Table">The table that it leads to; null when it does something else.</param>
public sealed record RuleInput(AddressFamily Family, uint Priority, string Interface, int? Table);
