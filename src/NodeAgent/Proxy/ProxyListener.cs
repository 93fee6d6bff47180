using Culvert.Interop;
using Culvert.Interop.Abi;
using Culvert.Interop.Sockets;
using Culvert.NodeAgent.Proxy.Transport;

namespace Culvert.NodeAgent.Proxy;

/// <summary>A listening socket of one loop, to be put into the BPF programs' socket map.</summary>
/// <param name="Handle">The socket; owned by the proxy.</param>
/// <param name="Loop">The loop's index.</param>
/// <param name="Local">Where it is bound.</param>
internal sealed record ProxyListener(SocketHandle Handle, int Loop, SocketEndPoint Local)
{
    private const int Backlog = 4096;
    private const int DatagramBuffer = 16 << 20;

    /// <summary>Makes, binds and opens a listener that pods of this node are led to.</summary>
    /// <exception cref="KernelException">It can't be had.</exception>
    internal static ProxyListener BindForPods(in SocketEndPoint address, int loop, ProxyOptions options, bool sharePort) =>
        Bind(address, loop, options, sharePort, forPods: true, CvOwnKind.Plain);

    /// <summary>The same for connections to a Service that have the address of a backend.</summary>
    /// <exception cref="KernelException">It can't be had.</exception>
    internal static ProxyListener BindForBackends(in SocketEndPoint address, int loop, ProxyOptions options, bool sharePort) =>
        Bind(address, loop, options, sharePort, forPods: true, CvOwnKind.Backend);

    /// <summary>Makes, binds and opens a listener for tunnels from other nodes.</summary>
    /// <exception cref="KernelException">It can't be had.</exception>
    internal static ProxyListener BindForTunnels(in SocketEndPoint address, int loop, ProxyOptions options, bool sharePort) =>
        Bind(address, loop, options, sharePort, forPods: false, CvOwnKind.Plain);

    private static ProxyListener Bind(in SocketEndPoint address, int loop, ProxyOptions options, bool sharePort, bool forPods, CvOwnKind kind)
    {
        SocketHandle handle = SocketHandle.CreateTcp(!address.IsIPv4);
        try
        {
            Require(handle.SetReuseAddress(), "set SO_REUSEADDR", address);
            if (sharePort) Require(handle.SetReusePort(), "set SO_REUSEPORT", address);
            Require(handle.SetNoDelay(), "set TCP_NODELAY", address);
            if (forPods) Require(OnNodePath.Tune(handle), "set TCP_CONGESTION", address);
            if (forPods) Require(ApplicationSocketOptions.Tune(handle, options.ApplicationKeepAlive), "set SO_LINGER, SO_OOBINLINE or SO_KEEPALIVE", address);
            else Require(KeepAlive.Enable(handle, KeepAlive.DefaultIdle), "set SO_KEEPALIVE", address);
            if (!forPods && options.TunnelTimeout > TimeSpan.Zero) Require(handle.SetUserTimeout(options.TunnelTimeout), "set TCP_USER_TIMEOUT", address);
            if (!address.IsIPv4) Require(handle.SetIPv6Only(), "set IPV6_V6ONLY", address);
            Require(options.Mark.Apply(handle, kind), "mark and enter a socket (CAP_NET_ADMIN, CAP_BPF)", address);
            if (options.Transparent) Require(handle.SetTransparent(), "set IP_TRANSPARENT (CAP_NET_ADMIN)", address);
            // Tunnels are with other nodes' proxies, which prove who they are.
            if (options.Transparent && forPods) Require(options.Mark.TakeCapturedOnly(handle), "attach a socket filter", address);
            Require(handle.Bind(address), "bind", address);
            Require(handle.Listen(Backlog), "listen", address);
            Require(handle.GetLocalEndPoint(out SocketEndPoint local), "read the address", address);
            return new ProxyListener(handle, loop, local);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    /// <summary>Makes and binds a socket for captured datagrams.</summary>
    /// <exception cref="KernelException">It can't be had.</exception>
    internal static ProxyListener BindDatagrams(in SocketEndPoint address, int loop, ProxyOptions options, bool sharePort)
    {
        SocketHandle handle = SocketHandle.TryCreateUdp(!address.IsIPv4, out SocketErrno error) ?? throw new KernelException("create a UDP socket", (int)error);
        try
        {
            // No SO_REUSEPORT where programs hand datagrams over: kernels before 6.6 refuse such sockets.
            if (sharePort) Require(handle.SetReusePort(), "set SO_REUSEPORT", address);
            if (!address.IsIPv4) Require(handle.SetIPv6Only(), "set IPV6_V6ONLY", address);
            Require(options.Mark.Apply(handle), "mark and enter a socket (CAP_NET_ADMIN, CAP_BPF)", address);
            if (options.Transparent) Require(handle.SetTransparent(), "set IP_TRANSPARENT (CAP_NET_ADMIN)", address);
            if (options.Transparent) Require(options.Mark.TakeCapturedOnly(handle), "attach a socket filter", address);
            Require(handle.SetReceiveOriginalDestination(), "set IP_RECVORIGDSTADDR", address);
            Require(handle.ForceBuffers(DatagramBuffer, DatagramBuffer), "set SO_RCVBUF", address);
            _ = handle.SetReceiveOffload();
            Require(handle.Bind(address), "bind", address);
            Require(handle.GetLocalEndPoint(out SocketEndPoint local), "read the address", address);
            return new ProxyListener(handle, loop, local);
        }
        catch
        {
            handle.Dispose();
            throw;
        }
    }

    private static void Require(SocketErrno error, string operation, in SocketEndPoint address)
    {
        if (error != SocketErrno.None) throw new KernelException($"{operation} for the proxy's listener on {address}", (int)error);
    }
}
