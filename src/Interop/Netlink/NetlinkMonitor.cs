using System.Runtime.InteropServices;
using Culvert.Interop.Handles;
using Culvert.Interop.Native;
using Culvert.Interop.Sockets;

namespace Culvert.Interop.Netlink;

/// <summary>
/// Hears of links, addresses, routes and rules of one network namespace as they change. Open it before listing, so that nothing is
/// missed in between. One reader at a time.
/// </summary>
public sealed unsafe class NetlinkMonitor : IDisposable
{
    private const uint Groups = Rt.RTMGRP_LINK | Rt.RTMGRP_IPV4_IFADDR | Rt.RTMGRP_IPV6_IFADDR
        | Rt.RTMGRP_IPV4_ROUTE | Rt.RTMGRP_IPV6_ROUTE | Rt.RTMGRP_IPV4_RULE | (1u << (Rt.RTNLGRP_IPV6_RULE - 1));

    private readonly NetlinkSocket _socket = new(Groups);
    private readonly EventFdHandle _wake = EventFdHandle.Create();

    private NetlinkMonitor()
    {
    }

    /// <summary>Watches the namespace that the calling thread is in.</summary>
    /// <returns>The monitor; it stays in that namespace.</returns>
    /// <exception cref="NetlinkException">No socket could be had.</exception>
    public static NetlinkMonitor Open() => new();

    /// <summary>Watches a namespace; the calling thread visits it only while this runs.</summary>
    /// <param name="network">The namespace.</param>
    /// <returns>The monitor.</returns>
    /// <exception cref="KernelException">The namespace cannot be entered, or no socket could be had.</exception>
    public static NetlinkMonitor Open(NetworkNamespace network)
    {
        ArgumentNullException.ThrowIfNull(network);
        return network.Run(Open);
    }

    /// <summary>Waits for changes. Blocks the calling thread.</summary>
    /// <param name="cancellationToken">Ends the waiting.</param>
    /// <returns>What happened, in order; never empty.</returns>
    /// <exception cref="OperationCanceledException">The token was cancelled.</exception>
    /// <exception cref="NetlinkException">The socket failed.</exception>
    public IReadOnlyList<NetlinkEvent> Read(CancellationToken cancellationToken)
    {
        List<NetlinkEvent> events = [];
        using CancellationTokenRegistration registration = cancellationToken.UnsafeRegister(static state => ((EventFdHandle)state!).Signal(), _wake);
        while (true)
        {
            cancellationToken.ThrowIfCancellationRequested();
            int errno;
            while ((errno = _socket.TryReceive((type, body) => Add(events, type, body))) is 0 or Errno.ENOBUFS)
            {
                if (errno == Errno.ENOBUFS) events.Add(new NetlinkEvent(NetlinkEventKind.Lost));
            }
            if (errno != Errno.EAGAIN) throw new NetlinkException("watch the network", errno);
            if (events.Count > 0) return events;
            Wait();
        }
    }

    /// <inheritdoc/>
    public void Dispose()
    {
        _socket.Dispose();
        _wake.Dispose();
    }

    private static void Add(List<NetlinkEvent> events, ushort type, ReadOnlySpan<byte> body)
    {
        switch (type)
        {
            case Rt.RTM_NEWLINK or Rt.RTM_DELLINK:
                events.Add(new(type == Rt.RTM_NEWLINK ? NetlinkEventKind.LinkChanged : NetlinkEventKind.LinkRemoved, Link: RouteNetlink.ParseLink(body)));
                break;
            case Rt.RTM_NEWADDR or Rt.RTM_DELADDR when RouteNetlink.ParseAddress(body) is { } address:
                events.Add(new(type == Rt.RTM_NEWADDR ? NetlinkEventKind.AddressChanged : NetlinkEventKind.AddressRemoved, Address: address));
                break;
            case Rt.RTM_NEWROUTE or Rt.RTM_DELROUTE when RouteNetlink.ParseRoute(body) is { } route:
                events.Add(new(type == Rt.RTM_NEWROUTE ? NetlinkEventKind.RouteChanged : NetlinkEventKind.RouteRemoved, Route: route));
                break;
            case Rt.RTM_NEWRULE or Rt.RTM_DELRULE:
                events.Add(new(type == Rt.RTM_NEWRULE ? NetlinkEventKind.RuleAdded : NetlinkEventKind.RuleRemoved));
                break;
            default:
                break;
        }
    }

    private void Wait()
    {
        using DescriptorLease socket = new(_socket.Handle);
        using DescriptorLease wake = new(_wake);
        Libc.PollDescriptor* descriptors = stackalloc Libc.PollDescriptor[2];
        descriptors[0] = new Libc.PollDescriptor { fd = socket.Descriptor, events = Libc.POLLIN };
        descriptors[1] = new Libc.PollDescriptor { fd = wake.Descriptor, events = Libc.POLLIN };
        if (Libc.poll(descriptors, 2, -1) < 0)
        {
            int errno = Marshal.GetLastPInvokeError();
            if (errno != Errno.EINTR) throw new NetlinkException("watch the network", errno);
        }
        // The token says whether the signal was meant for this reader.
        if (descriptors[1].revents != 0) _wake.Reset();
    }
}
