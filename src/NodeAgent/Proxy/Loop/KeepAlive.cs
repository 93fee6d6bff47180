using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Loop;

/// <summary>
/// Probes of idle TCP connections. A proxy answers the probes of both its sides, so only its own probes find out that one of them is gone.
/// </summary>
internal static class KeepAlive
{
    private const int Probes = 6;
    private static readonly TimeSpan Idle = TimeSpan.FromMinutes(2);
    private static readonly TimeSpan Interval = TimeSpan.FromSeconds(20);

    /// <summary>Has the kernel probe the connection after two minutes of silence; it ends four minutes after its peer did.</summary>
    /// <param name="handle">A TCP socket, connected or not; sockets accepted from a listener inherit it.</param>
    internal static SocketErrno Enable(SocketHandle handle) => handle.SetKeepAlive(Idle, Interval, Probes);
}
