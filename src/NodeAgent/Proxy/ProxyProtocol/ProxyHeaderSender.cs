using Culvert.NodeAgent.Proxy.Model;
using Culvert.NodeAgent.Proxy.Transport;


namespace Culvert.NodeAgent.Proxy.ProxyProtocol;

/// <summary>Puts the header on an application's fresh connection. On the loop's thread.</summary>
internal static class ProxyHeaderSender
{
    /// <summary>Sends the header if the application asked for one; false when the socket did not take it, and is of no use then.</summary>
    /// <param name="socket">The connection, with nothing sent on it yet: its send buffer has room for any header.</param>
    /// <param name="info">The connection.</param>
    internal static bool TrySend(LoopSocket socket, in ProxyConnectionInfo info)
    {
        if (!ApplicationHeader.IsWanted(info)) return true;
        Span<byte> buffer = stackalloc byte[ApplicationHeader.MaxLength];
        int length = ApplicationHeader.Write(buffer, info);
        return socket.Send(buffer[..length]).Count == length;
    }
}
