using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Transport;

/// <summary>
/// Probes of idle TCP connections. A proxy answers the probes of both its sides, so only its own probes find out that one of them is gone.
/// </summary>
internal static class KeepAlive
{
    private const int Probes = 6;
    /// <summary>Silence before the first probe, where nobody says otherwise.</summary>
    internal static readonly TimeSpan DefaultIdle = TimeSpan.FromMinutes(2);

    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(20);

    /// <summary>Has the kernel probe the connection after some silence; it ends when six probes, 20 s apart or less, have found nobody.</summary>
    /// <param name="handle">A TCP socket, connected or not; sockets accepted from a listener inherit it.</param>
    /// <param name="idle">The silence; whole seconds.</param>
    internal static SocketErrno Enable(SocketHandle handle, TimeSpan idle) => handle.SetKeepAlive(idle, idle < Interval ? idle : Interval, Probes);
}
