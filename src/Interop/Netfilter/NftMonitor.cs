using Culvert.Interop.Native;
using Culvert.Interop.Netlink;

namespace Culvert.Interop.Netfilter;

/// <summary>
/// Hears that the rules of nftables have changed in one network namespace, also those that iptables-nft makes; of iptables-legacy nobody tells. Open it before
/// listing, so that nothing is missed in between. One reader at a time.
/// </summary>
public sealed class NftMonitor : IDisposable
{
    // linux/netfilter/nfnetlink.h, nf_tables.h
    private const int NFNLGRP_NFTABLES = 7;

    private readonly NetlinkNotifications _notifications = new(1u << (NFNLGRP_NFTABLES - 1), Libc.NETLINK_NETFILTER);

    private NftMonitor()
    {
    }

    /// <summary>Watches the namespace that the calling thread is in.</summary>
    /// <returns>The monitor; it stays in that namespace.</returns>
    /// <exception cref="NetlinkException">No socket could be had: EPROTONOSUPPORT where the kernel has no netfilter.</exception>
    public static NftMonitor Open() => new();

    /// <summary>Watches a namespace; the calling thread visits it only while this runs.</summary>
    /// <param name="network">The namespace.</param>
    /// <returns>The monitor.</returns>
    /// <exception cref="KernelException">The namespace can't be entered, or no socket could be had.</exception>
    public static NftMonitor Open(NetworkNamespace network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Run(Open);
    }

    /// <summary>Waits for a change; several that follow each other may be told of at once. Blocks the calling thread.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="NetlinkException">The socket failed.</exception>
    public void Wait(CancellationToken cancellationToken) => _notifications.Read((_, _) => { }, () => { }, "watch packet filter rules", cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _notifications.Dispose();
}
