using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Makes the connected sockets of sessions.</summary>
internal static class UdpDialer
{
    /// <summary>A socket from one address to another.</summary>
    /// <param name="context">What the loop shares.</param>
    /// <param name="local">The address and port to speak from, also one that is not the machine's; not used when the proxy is not transparent.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="error">Why null was returned.</param>
    internal static SocketHandle? Connect(ProxyContext context, in SocketEndPoint local, in SocketEndPoint remote, out SocketErrno error)
    {
        SocketHandle? handle = SocketHandle.TryCreateUdp(!remote.IsIPv4, out error);
        if (handle is null) return null;
        if (context.Options.Mark != 0) error = handle.SetMark(context.Options.Mark);
        if (error == SocketErrno.None && context.Options.Transparent && local.IsIPv4 == remote.IsIPv4)
        {
            error = handle.SetTransparent();
            if (error == SocketErrno.None) error = handle.SetReuseAddress();
            if (error == SocketErrno.None) error = handle.Bind(local);
        }

        if (error == SocketErrno.None) error = handle.Connect(remote);
        if (error == SocketErrno.None) return handle;
        handle.Dispose();
        return null;
    }
}
