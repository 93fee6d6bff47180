using System.Net;
using System.Net.Sockets;
using Culvert.Core;

namespace Culvert.Controller.Issuers;

/// <summary>Which addresses keys are read from. Whoever may write a RequestAuthentication has the controller ask for a URL: it must not lead to what only the controller's own machine or its link reaches, such as the metadata of a cloud. Pure.</summary>
internal static class IssuerAddresses
{
    private static readonly IpPrefix[] Refused =
    [
        IpPrefix.Parse("0.0.0.0/8"), IpPrefix.Parse("127.0.0.0/8"), IpPrefix.Parse("169.254.0.0/16"), IpPrefix.Parse("224.0.0.0/3"), IpPrefix.Parse("::/96"), IpPrefix.Parse("64:ff9b::/96"), IpPrefix.Parse("fe80::/10"), IpPrefix.Parse("ff00::/8"),

        // Metadata of clouds at other addresses: AWS, Google, Alibaba, Azure, Oracle.
        IpPrefix.Parse("fd00:ec2::254/128"), IpPrefix.Parse("fd20:ce::254/128"), IpPrefix.Parse("100.100.100.200/32"), IpPrefix.Parse("168.63.129.16/32"), IpPrefix.Parse("192.0.0.192/32"),

        // What else stands for an address of IPv4, and the site-local addresses of old.
        IpPrefix.Parse("64:ff9b:1::/48"), IpPrefix.Parse("2002::/16"), IpPrefix.Parse("::ffff:0:0:0/96"), IpPrefix.Parse("fec0::/10"),
    ];

    /// <summary>Whether an address may be asked.</summary>
    public static bool IsAllowed(IPAddress address)
    {
        if (address.IsIPv4MappedToIPv6) address = address.MapToIPv4();
        if (address.AddressFamily is not (AddressFamily.InterNetwork or AddressFamily.InterNetworkV6)) return false;
        IpPrefix one = IpPrefix.Host(address.AddressFamily == AddressFamily.InterNetworkV6 ? new IPAddress(address.GetAddressBytes()) : address); // without its scope
        return !Refused.Any(r => r.Contains(one));
    }
}
