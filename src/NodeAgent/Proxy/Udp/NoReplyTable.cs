using Culvert.Interop.Sockets;

namespace Culvert.NodeAgent.Proxy.Udp;

/// <summary>For a proxy without BPF programs: answers find the session's socket by the machine's own routes.</summary>
internal sealed class NoReplyTable : IReplyTable
{
    /// <summary>The one object.</summary>
    internal static readonly NoReplyTable Instance = new();

    /// <inheritdoc/>
    public SocketErrno Add(in SocketEndPoint pod, in SocketEndPoint client, ushort space, int loop) => SocketErrno.None;

    /// <inheritdoc/>
    public void Remove(in SocketEndPoint pod, in SocketEndPoint client, ushort space)
    {
    }
}
