using Culvert.Interop.Native;

namespace Culvert.Interop.Netlink;

/// <summary>Hears that IPsec policies have changed in the network namespace of the thread that opened it. Open it before listing, so that nothing is missed in between. One reader at a time.</summary>
public sealed class XfrmMonitor : IDisposable
{
    private readonly NetlinkNotifications _notifications = new(1u << (Libc.XFRMNLGRP_POLICY - 1), Libc.NETLINK_XFRM);

    private XfrmMonitor()
    {
    }

    /// <summary>Watches the namespace that the calling thread is in.</summary>
    /// <returns>The monitor; it stays in that namespace.</returns>
    /// <exception cref="NetlinkException">No socket could be had: EPROTONOSUPPORT where the kernel has no IPsec.</exception>
    public static XfrmMonitor Open() => new();

    /// <summary>Waits for a change; several that follow each other may be told of at once. Blocks the calling thread.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="NetlinkException">The socket failed.</exception>
    public void Wait(CancellationToken cancellationToken) => _notifications.Read((_, _) => { }, () => { }, "watch IPsec policies", cancellationToken);

    /// <inheritdoc/>
    public void Dispose() => _notifications.Dispose();
}
