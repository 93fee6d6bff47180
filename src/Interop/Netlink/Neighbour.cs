using System.Net;
using System.Net.NetworkInformation;

namespace Culvert.Interop.Netlink;

/// <summary>Which hardware address a neighbour on a link has.</summary>
/// <param name="InterfaceIndex">The link.</param>
/// <param name="Address">The neighbour's address.</param>
/// <param name="MacAddress">Its hardware address; null while it is not known.</param>
/// <param name="IsPermanent">Whether it was set rather than learnt.</param>
public sealed record Neighbour(int InterfaceIndex, IPAddress Address, PhysicalAddress? MacAddress, bool IsPermanent);
