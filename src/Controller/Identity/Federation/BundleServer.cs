using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Culvert.GrpcHosting;
using Culvert.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Http;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Identity.Federation;

/// <summary>The server that tells other trust domains the mesh's bundle: HTTPS on a port of its own, GET of <c>/</c> and nothing else. Whoever asks shows nothing; a bundle is no secret.</summary>
internal static class BundleServer
{
    // Enough for a lost segment to come again twice (RFC 6298: after 1 s, then 2).
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(3);

    // Each other controller asks once a minute at most.
    private static readonly ConnectionGateOptions Bounds = new() { Most = 256, MostFromOneSource = 32, Longest = TimeSpan.FromSeconds(15) };

    private const int MostPerSecond = 20;
    private const int Burst = 40;

    /// <summary>The server; it is not started yet.</summary>
    /// <param name="options">Where it listens.</param>
    /// <param name="reserved">The same address, which is taken already.</param>
    /// <param name="certificate">What it shows.</param>
    /// <param name="publication">What it tells.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where log messages go.</param>
    public static WebServer Serve(BundleEndpointOptions options, ReservedAddress reserved, Func<CancellationToken, ValueTask<SslStreamCertificateContext>> certificate, BundlePublication publication, TimeProvider time, ILoggerFactory loggers) =>
        new(() => Build(options, reserved, certificate, publication, time, loggers));

    private static WebApplication Build(BundleEndpointOptions options, ReservedAddress reserved, Func<CancellationToken, ValueTask<SslStreamCertificateContext>> certificate, BundlePublication publication, TimeProvider time, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = WebServer.CreateBuilder(loggers);
        builder.WebHost.UseKestrelHttpsConfiguration().CloseUnboundSockets().UseReserved(reserved).ConfigureKestrel(kestrel => Configure(kestrel, options, certificate, time));
        WebApplication server = builder.Build();
        server.Run(context => AnswerAsync(context, publication));
        return server;
    }

    private static void Configure(KestrelServerOptions kestrel, BundleEndpointOptions options, Func<CancellationToken, ValueTask<SslStreamCertificateContext>> certificate, TimeProvider time)
    {
        kestrel.AddServerHeader = false;
        KestrelServerLimits limits = kestrel.Limits;
        limits.MaxRequestBodySize = 0;
        limits.MaxRequestBufferSize = 64 * 1024;
        limits.MaxRequestHeadersTotalSize = 16 * 1024;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        limits.Http2.MaxStreamsPerConnection = 8;
        ConnectionGate gate = new(Bounds, time);
        SourceRate<IPAddress> rate = new(MostPerSecond, Burst, time);
        kestrel.Listen(options.Listen, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http1AndHttp2;
            endpoint.Use(next => connection => gate.ServeAsync(connection, next, rate));
            endpoint.UseHttps(Tls(certificate));
        });
    }

    private static TlsHandshakeCallbackOptions Tls(Func<CancellationToken, ValueTask<SslStreamCertificateContext>> certificate) => new()
    {
        HandshakeTimeout = HandshakeTimeout,
        OnConnection = async context => new SslServerAuthenticationOptions
        {
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http2, SslApplicationProtocol.Http11],
            ServerCertificateContext = await certificate(context.CancellationToken),
            AllowTlsResume = false,
        },
    };

    private static async Task AnswerAsync(HttpContext context, BundlePublication publication)
    {
        HttpResponse response = context.Response;
        if (context.Request.Path != "/")
        {
            response.StatusCode = StatusCodes.Status404NotFound;
            return;
        }
        if (!HttpMethods.IsGet(context.Request.Method))
        {
            response.StatusCode = StatusCodes.Status405MethodNotAllowed;
            response.Headers.Allow = HttpMethods.Get;
            return;
        }
        ReadOnlyMemory<byte> document = publication.Document;
        if (document.IsEmpty)
        {
            response.StatusCode = StatusCodes.Status503ServiceUnavailable;
            return;
        }
        (response.ContentType, response.ContentLength) = ("application/json", document.Length);
        await response.Body.WriteAsync(document, context.RequestAborted);
    }
}
