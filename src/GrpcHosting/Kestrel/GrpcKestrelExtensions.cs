using System.Net;
using System.Net.Sockets;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Transport.Sockets;
using Microsoft.Extensions.DependencyInjection;

namespace Culvert.GrpcHosting;

/// <summary>Sets up Kestrel for gRPC.</summary>
public static class GrpcKestrelExtensions
{
    private const int MaxStreamsPerConnection = 1024;

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

    /// <summary>Serves HTTP/2 on a Unix socket that the caller makes, for one who has more to do than to give it a path and mode 0600.</summary>
    /// <param name="builder">The server, which listens on nothing else.</param>
    /// <param name="path">Where clients find the socket.</param>
    /// <param name="bind">Makes it, bound and not listening; the server disposes of it.</param>
    /// <param name="configure">Sets what comes before requests.</param>
    public static IWebHostBuilder UseGrpcUnixSocket(this IWebHostBuilder builder, string path, Func<Socket> bind, Action<ListenOptions> configure)
    {
        ArgumentNullException.ThrowIfNull(builder);
        ArgumentException.ThrowIfNullOrEmpty(path);
        ArgumentNullException.ThrowIfNull(bind);
        ArgumentNullException.ThrowIfNull(configure);
        return builder.BindBy(_ => bind()).ConfigureServices(services =>
            services.Configure<KestrelServerOptions>(options => options.ListenUnixSocket(path, listen =>
            {
                listen.Protocols = HttpProtocols.Http2;
                configure(listen);
            })));
    }

    /// <summary>Closes a socket that can't be bound, because its address is taken, at once; Kestrel leaves it to the finalizer.</summary>
    /// <param name="builder">The server.</param>
    public static IWebHostBuilder CloseUnboundSockets(this IWebHostBuilder builder) => builder.BindBy(ListenSockets.Bind);

    /// <summary>Listens on an address that was reserved before; to be called after all else that binds. Who has reserved it disposes of it after the server.</summary>
    /// <param name="builder">The server.</param>
    /// <param name="address">The address, which the server is told as well.</param>
    public static IWebHostBuilder UseReserved(this IWebHostBuilder builder, ReservedAddress address)
    {
        ArgumentNullException.ThrowIfNull(address);
        return builder.BindBy(endPoint => address.For(endPoint) ?? ListenSockets.Bind(endPoint));
    }

    private static IWebHostBuilder BindBy(this IWebHostBuilder builder, Func<EndPoint, Socket> bind)
    {
        ArgumentNullException.ThrowIfNull(builder);
        return builder.ConfigureServices(services => services.Configure<SocketTransportOptions>(options => options.CreateBoundListenSocket = bind));
    }
}
