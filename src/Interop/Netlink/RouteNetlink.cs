using System.Net;
using System.Net.Sockets;

namespace Culvert.Interop.Netlink;

/// <summary>
/// Links, addresses, routes, rules and neighbours of one network namespace, through rtnetlink(7). Safe to use from several
/// threads; each call waits for the kernel's answer.
/// </summary>
public sealed partial class RouteNetlink : IDisposable
{
    private readonly NetlinkSocket _socket;

    private RouteNetlink(NetlinkSocket socket) => _socket = socket;

    /// <summary>Opens the namespace that the calling thread is in.</summary>
    /// <returns>The connection; it stays in that namespace.</returns>
    /// <exception cref="NetlinkException">No socket could be had.</exception>
    public static RouteNetlink Open() => new(new NetlinkSocket(groups: 0));

    /// <summary>Opens a namespace; the calling thread visits it only while this runs.</summary>
    /// <param name="network">The namespace.</param>
    /// <returns>The connection.</returns>
    /// <exception cref="KernelException">The namespace cannot be entered, or no socket could be had.</exception>
    public static RouteNetlink Open(NetworkNamespace network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Run(Open);
    }

    /// <inheritdoc/>
    public void Dispose() => _socket.Dispose();

    private static byte Family(AddressFamily family) => family switch
    {
        AddressFamily.InterNetwork => Native.Libc.AF_INET,
        AddressFamily.InterNetworkV6 => Native.Libc.AF_INET6,
        AddressFamily.Unspecified => 0,
        _ => throw new ArgumentException($"address family {family} is neither IPv4 nor IPv6"),
    };

    private static byte Family(IPAddress address) => Family(address.AddressFamily);

    private static AddressFamily Family(byte family) => family switch
    {
        Native.Libc.AF_INET => AddressFamily.InterNetwork,
        Native.Libc.AF_INET6 => AddressFamily.InterNetworkV6,
        _ => AddressFamily.Unspecified,
    };

    /// <summary>Runs a request of which one error number means "is not there" or "is there already".</summary>
    private bool TryChange(NetlinkRequest request, string operation, params ReadOnlySpan<int> expected)
    {
        int errno = _socket.TryExecute(request, operation, out string? detail);
        if (errno == 0) return true;
        return expected.Contains(errno) ? false : throw new NetlinkException(operation, errno, detail);
    }
}
