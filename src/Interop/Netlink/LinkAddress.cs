using System.Net;

namespace Culvert.Interop.Netlink;

/// <summary>An address of a link.</summary>
/// <param name="InterfaceIndex">The link.</param>
/// <param name="Address">The address.</param>
/// <param name="PrefixLength">Of its subnet.</param>
/// <param name="NoDad">For IPv6: usable at once, without looking for duplicates.</param>
public sealed record LinkAddress(int InterfaceIndex, IPAddress Address, int PrefixLength, bool NoDad = false);
