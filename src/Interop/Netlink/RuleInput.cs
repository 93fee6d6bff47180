using System.Net.Sockets;

namespace Culvert.Interop.Netlink;

/// <summary>A policy routing rule that looks at the link a packet came in by.</summary>
/// <param name="Family">IPv4 or IPv6.</param>
/// <param name="Priority">Lower is looked at first.</param>
/// <param name="Interface">The link; "lo" stands for packets of the node's own.</param>
public sealed record RuleInput(AddressFamily Family, uint Priority, string Interface);
