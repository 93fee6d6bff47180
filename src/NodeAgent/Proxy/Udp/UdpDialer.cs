using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>Makes the connected sockets of sessions.</summary>
internal static class UdpDialer
{
    // Limits, not reservations. A burst at full speed has to wait here while the loop serves others.
    private const int ReceiveBuffer = 1 << 20;
    private const int SendBuffer = 1 << 20;

    /// <summary>A socket from one address to another.</summary>
    /// <param name="options">Mark, and whether other machines' addresses can be used.</param>
    /// <param name="local">The address and port (unless 0) to speak from, also one that is not the machine's; null, and a proxy that is not transparent: the system's choice.</param>
    /// <param name="remote">Where to.</param>
    /// <param name="error">Why null was returned.</param>
    internal static SocketHandle? Connect(ProxyOptions options, in SocketEndPoint? local, in SocketEndPoint remote, out SocketErrno error)
    {
        SocketHandle? handle = SocketHandle.TryCreateUdp(!remote.IsIPv4, out error);
        if (handle is null) return null;
        error = options.Mark.Apply(handle);
        if (error == SocketErrno.None) error = handle.ForceBuffers(ReceiveBuffer, SendBuffer);

        // Without it GSO batches come cut up, which works as well.
        if (error == SocketErrno.None) _ = handle.SetReceiveOffload();
        if (error == SocketErrno.None && options.Transparent && local is { } from && from.IsIPv4 == remote.IsIPv4)
        {
            error = handle.SetTransparent();
            if (error == SocketErrno.None) error = handle.SetReuseAddress();
            if (error == SocketErrno.None) error = handle.Bind(from);
        }

        if (error == SocketErrno.None) error = handle.Connect(remote);
        if (error == SocketErrno.None) return handle;
        handle.Dispose();
        return null;
    }
}
