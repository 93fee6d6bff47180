using System.Net.Sockets;

namespace Culvert.GrpcHosting;

/// <summary>Makes HTTP handlers with settings that suit long-lived gRPC connections.</summary>
public static class GrpcSocketsHandler
{
    /// <summary>
    /// A handler that keeps its connections, opens more when one has no streams left, gives up connecting after 10 s, and finds a dead
    /// peer by PING: every 20 s while there are calls, answered within 10 s. Redirects, proxies and cookies are off. It connects by a callback,
    /// which may be replaced: with a handler that has none, Grpc.Net.Client balances loads, and after a failure waits up to two minutes before it connects again.
    /// </summary>
    public static SocketsHttpHandler Create() => new()
    {
        PooledConnectionIdleTimeout = Timeout.InfiniteTimeSpan,
        EnableMultipleHttp2Connections = true,
        ConnectTimeout = TimeSpan.FromSeconds(10),
        KeepAlivePingDelay = TimeSpan.FromSeconds(20),
        KeepAlivePingTimeout = TimeSpan.FromSeconds(10),
        KeepAlivePingPolicy = HttpKeepAlivePingPolicy.WithActiveRequests,
        AllowAutoRedirect = false,
        UseProxy = false,
        UseCookies = false,
        ActivityHeadersPropagator = null,
        ConnectCallback = ConnectAsync,
    };

    /// <summary>A handler as by <see cref="Create"/> that connects to a Unix socket, whatever the address of the channel.</summary>
    /// <param name="path">Path of the socket.</param>
    public static SocketsHttpHandler CreateForUnixSocket(string path)
    {
        ArgumentException.ThrowIfNullOrEmpty(path);
        UnixDomainSocketEndPoint endPoint = new(path);
        SocketsHttpHandler handler = Create();
        handler.ConnectCallback = async (_, cancellationToken) =>
        {
            Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
            try
            {
                await socket.ConnectAsync(endPoint, cancellationToken);
                return new NetworkStream(socket, ownsSocket: true);
            }
            catch (SocketException e) when (e.SocketErrorCode == SocketError.AddressNotAvailable)
            {
                // ENOENT, of which .NET says "Cannot assign requested address".
                socket.Dispose();
                throw new IOException($"there is no socket at {path}", e);
            }
            catch
            {
                socket.Dispose();
                throw;
            }
        };
        return handler;
    }

    private static async ValueTask<Stream> ConnectAsync(SocketsHttpConnectionContext context, CancellationToken cancellationToken)
    {
        Socket socket = new(SocketType.Stream, ProtocolType.Tcp) { NoDelay = true };
        try
        {
            await socket.ConnectAsync(context.DnsEndPoint, cancellationToken);
            return new NetworkStream(socket, ownsSocket: true);
        }
        catch
        {
            socket.Dispose();
            throw;
        }
    }
}
