using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>For a proxy without BPF programs: nothing is drawn but by itself.</summary>
internal sealed class NoDatagramDraws : IDatagramDraws
{
    /// <summary>The one object.</summary>
    internal static readonly NoDatagramDraws Instance = new();

    /// <inheritdoc/>
    public SocketEndPoint? FindBackend(in UdpSessionKey session) => null;

    /// <inheritdoc/>
    public SocketEndPoint? FindService(in SocketEndPoint client, in SocketEndPoint backend) => null;

    /// <inheritdoc/>
    public void Forget(in UdpSessionKey session, in SocketEndPoint? drawn)
    {
    }
}
