using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;

namespace Culvert.Grpc;

/// <summary>Sets up Kestrel for gRPC.</summary>
public static class GrpcKestrelExtensions
{
    private const int MaxStreamsPerConnection = 1024;
    private const UnixFileMode OwnerOnly = UnixFileMode.UserRead | UnixFileMode.UserWrite;

    /// <summary>
    /// Limits that suit long-lived streams: 1024 streams per connection, no minimum data rates (a stream may be silent), no limit on the
    /// length of a request (messages have their own), a dead client found by PING after 30 s + 20 s, no <c>Server</c> header.
    /// </summary>
    /// <param name="options">Options of the server.</param>
    public static KestrelServerOptions UseGrpcDefaults(this KestrelServerOptions options)
    {
        ArgumentNullException.ThrowIfNull(options);
        options.AddServerHeader = false;
        options.Limits.MinRequestBodyDataRate = null;
        options.Limits.MinResponseDataRate = null;
        options.Limits.MaxRequestBodySize = null;
        options.Limits.Http2.MaxStreamsPerConnection = MaxStreamsPerConnection;
        options.Limits.Http2.KeepAlivePingDelay = TimeSpan.FromSeconds(30);
        options.Limits.Http2.KeepAlivePingTimeout = TimeSpan.FromSeconds(20);
        return options;
    }

    /// <summary>
    /// Serves HTTP/2 on a Unix socket with mode 0600, set before the socket accepts. A socket file left behind by a server that is gone is replaced.
    /// </summary>
    /// <param name="builder">The server.</param>
    /// <param name="path">Path of the socket; its folder must exist.</param>
    /// <exception cref="IOException">When the server starts: another server listens there, or the path is something else than a socket.</exception>
    public static IWebHostBuilder UseGrpcUnixSocket(this IWebHostBuilder builder, string path)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(path);
        return builder.CloseUnboundSockets().ConfigureServices(services =>
            services.Configure<KestrelServerOptions>(options => options.ListenUnixSocket(path, listen => listen.Protocols = HttpProtocols.Http2)));
    }

    /// <summary>Closes a socket that can't be bound, because its address is taken, at once; Kestrel leaves it to the finalizer.</summary>
    /// <param name="builder">The server.</param>
    public static IWebHostBuilder CloseUnboundSockets(this IWebHostBuilder builder)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ConfigureServices(services => services.Configure<SocketTransportOptions>(options => options.CreateBoundListenSocket = Bind));
    }

    private static Socket Bind(EndPoint endPoint)
    {
        if (endPoint is not UnixDomainSocketEndPoint unix)
        {
            return endPoint is IPEndPoint ip ? BindTcp(ip) : SocketTransportOptions.CreateDefaultBoundListenSocket(endPoint);
        }

        if (OperatingSystem.IsWindows())
        {
            throw new PlatformNotSupportedException("The mode of a Unix socket can't be set on Windows.");
        }

        string path = unix.ToString()!;
        RemoveStale(path, unix);
        Socket socket = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            socket.Bind(unix);

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

    private static void RemoveStale(string path, UnixDomainSocketEndPoint endPoint)
    {
        if (!File.Exists(path))
        {
            return;
        }

        using Socket probe = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified);
        try
        {
            probe.Connect(endPoint);
        }
        catch (SocketException e) when (e.SocketErrorCode == SocketError.ConnectionRefused && new FileInfo(path).Length == 0)
        {
            File.Delete(path);
            return;
        }
        catch (SocketException e)
        {
            throw new IOException($"Cannot listen on '{path}': it exists and is not a socket that was left behind ({e.SocketErrorCode}).", e);
        }

        throw new IOException($"Cannot listen on '{path}': another process listens there.");
    }
}
