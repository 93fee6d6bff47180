using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Culvert.GrpcHosting;

/// <summary>Binds the sockets that a server listens on; one that can't be bound is closed at once.</summary>
internal static class ListenSockets
{
    internal static Socket Bind(EndPoint endPoint) => endPoint switch
    {
        UnixDomainSocketEndPoint unix => UnixSocketPath.Bind(unix.ToString()!),
        IPEndPoint ip => BindTcp(ip),
        _ => SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint),
    };

    private static Socket BindTcp(IPEndPoint endPoint)
    {
        Socket socket = new(endPoint.AddressFamily, SocketType.Stream, ProtocolType.Tcp);
        try
        {
            // As Kestrel does: [::] is IPv4 too.
            if (endPoint.Address.Equals(IPAddress.IPv6Any)) socket.DualMode = true;
            socket.Bind(endPoint);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
