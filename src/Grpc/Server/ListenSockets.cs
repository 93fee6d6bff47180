using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;

namespace Culvert.Grpc;

/// <summary>Binds the sockets that a server listens on; one that can't be bound is closed at once.</summary>
internal static class ListenSockets
{
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    internal static Socket Bind(EndPoint endPoint) => endPoint switch
    {
        UnixDomainSocketEndPoint unix => BindUnix(unix),
        IPEndPoint ip => BindTcp(ip),
        _ => SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint),
    };

    private static Socket BindUnix(UnixDomainSocketEndPoint endPoint)
    {
        if (OperatingSystem.IsWindows())
        {
            throw new PlatformNotSupportedException("The mode of a Unix socket can't be set on Windows.");
        }

        string path = endPoint.ToString()!;
        UnixSocketPath.Clear(path);
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(endPoint);

            // Until listen() nobody can connect, so there is no moment at which others could.
            File.SetUnixFileMode(path, OwnerOnly);
            return socket;
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }

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
