using System.Buffers.Binary;
using System.Globalization;
using System.Net;
using System.Net.Sockets;
using Culvert.Interop.Native;
using Culvert.Interop.Netlink;
using Culvert.Interop.Tests.Support;

namespace Culvert.Interop.Tests.Netlink;

/// <summary>Whose messages are taken on a netlink socket.</summary>
public sealed class NetlinkSocketTests
{
    private const int AddressBytes = 12; // struct sockaddr_nl
    private const int HeaderBytes = 16;

    [Fact]
    [Trait("Category", "Attack")]
    public void NobodyButTheKernelCanSendToIt()
    {
        Requires.Root();
        using NetlinkSocket asked = new(groups: 0);
        using Socket forger = Plain(), other = Plain();

        // The end of an answer, as the kernel would send it to the first request.
        byte[] forged = new byte[HeaderBytes + sizeof(int)];
        BinaryPrimitives.WriteInt32LittleEndian(forged, forged.Length);
        BinaryPrimitives.WriteUInt16LittleEndian(forged.AsSpan(4), Rt.NLMSG_DONE);
        BinaryPrimitives.WriteInt32LittleEndian(forged.AsSpan(8), 1);
        SocketException refused = Assert.Throws<SocketException>(() => forger.SendTo(forged, SocketFlags.None, Address(PortOf(asked.Handle.Descriptor))));
        Assert.Equal(SocketError.ConnectionRefused, refused.SocketErrorCode);

        // To one that anybody may send to it can.
        other.SendTo(forged, SocketFlags.None, Address(0));
        Assert.Equal(forged.Length, forger.SendTo(forged, SocketFlags.None, Address(PortOf((int)other.Handle))));
    }

    private static Socket Plain() => new(new SafeSocketHandle(Libc.socket(Libc.AF_NETLINK, Libc.SOCK_RAW | Libc.SOCK_CLOEXEC, Libc.NETLINK_ROUTE), ownsHandle: true));

    private static SocketAddress Address(uint port)
    {
        SocketAddress address = new(AddressFamily.Unspecified, AddressBytes);
        BinaryPrimitives.WriteUInt16LittleEndian(address.Buffer.Span, Libc.AF_NETLINK);
        BinaryPrimitives.WriteUInt32LittleEndian(address.Buffer.Span[4..], port);
        return address;
    }

    // Of a socket the number is told by its descriptor's link, and by that, in the last column, its port in the third.
    private static uint PortOf(int descriptor)
    {
        string link = new FileInfo($"/proc/self/fd/{descriptor}").LinkTarget!;
        string inode = link["socket:[".Length..^1];
        string[] row = File.ReadLines("/proc/thread-self/net/netlink").Select(l => l.Split(' ', StringSplitOptions.RemoveEmptyEntries)).Single(r => r[^1] == inode);
        return uint.Parse(row[2], CultureInfo.InvariantCulture);
    }
}
