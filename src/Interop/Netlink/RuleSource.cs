using System.Net;

namespace Culvert.Interop.Netlink;

/// <summary>A policy routing rule about whatever comes from one address.</summary>
/// <param name="Priority">Lower is looked at first.</param>
/// <param name="Source">The address.</param>
/// <param name="Table">The table that it leads to.</param>
public sealed record RuleSource(uint Priority, IPAddress Source, int Table);
