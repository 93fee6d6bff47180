using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>Options of sockets whose other end is an application: captured ones, and those that were dialled for them.</summary>
internal static class ApplicationSocketOptions
{
    /// <summary>
    /// Until <see cref="LoopSocket.CloseInOrder"/> the end of the socket is a reset, whatever ends it: were the proxy killed, the kernel would tell the application
    /// of an orderly end of the stream, and half an upload would look whole. Urgent data keeps its place in the stream, as a tunnel has no other for it.
    /// </summary>
    /// <param name="socket">A connection before it is made, or a listener, whose connections inherit it.</param>
    /// <param name="keepAlive">Silence after which the kernel probes the other end; zero: never.</param>
    internal static SocketErrno Tune(SocketHandle socket, TimeSpan keepAlive)
    {
        SocketErrno error = socket.SetResetOnClose();
        if (error == SocketErrno.None) error = socket.SetUrgentInline();
        return error == SocketErrno.None && keepAlive > TimeSpan.Zero ? KeepAlive.Enable(socket, keepAlive) : error;
    }
}
