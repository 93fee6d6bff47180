using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using Culvert.Controller.Hosting;
using Culvert.GrpcHosting;
using Culvert.Hosting;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Admission;

/// <summary>The server that the API server asks: HTTPS on a port of its own, HTTP/1.1, as API servers ask webhooks. They show no certificate, so nobody is known here.</summary>
internal static class AdmissionServer
{
    // Enough for a lost segment to come again twice (RFC 6298: after 1 s, then 2).
    private static readonly TimeSpan HandshakeTimeout = TimeSpan.FromSeconds(3);

    // As many as an API server has under way (--max-mutating-requests-inflight), and some. Who says nothing makes room for who comes; none is served for longer.
    private static readonly ConnectionGateOptions Bounds = new() { Most = 512, MostFromOneSource = 256, Longest = TimeSpan.FromSeconds(15) };

    /// <summary>Most connections of an address a second. An API server has one for each question, with 200 under way at most where many objects are applied at once; without a bound one pod's handshakes (4,500 a second were seen) leave no time for a kubelet's.</summary>
    internal const int MostPerSecond = 400;

    /// <summary>Most at once after a pause.</summary>
    internal const int Burst = 800;

    /// <summary>The server; it is not started yet.</summary>
    /// <param name="options">Where it listens.</param>
    /// <param name="reserved">The same address, which is taken already.</param>
    /// <param name="identity">What it shows.</param>
    /// <param name="isReady">Whether agents can be served, which <c>GET /ready</c> tells the kubelet.</param>
    /// <param name="metrics">What <c>GET /metrics</c> tells.</param>
    /// <param name="time">The clock.</param>
    /// <param name="loggers">Where log messages go.</param>
    public static WebServer Serve(AdmissionOptions options, ReservedAddress reserved, ServerIdentity identity, Func<bool> isReady, Func<ReadOnlyMemory<byte>> metrics, TimeProvider time, ILoggerFactory loggers) =>
        new(() => Build(options, reserved, identity, isReady, metrics, time, loggers));

    private static WebApplication Build(AdmissionOptions options, ReservedAddress reserved, ServerIdentity identity, Func<bool> isReady, Func<ReadOnlyMemory<byte>> metrics, TimeProvider time, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = WebServer.CreateBuilder(loggers);
        builder.Services.AddSingleton(_ => new AdmissionHandler(isReady, metrics, new RefusalLog(loggers.CreateLogger<ControllerHost>(), time)));
        builder.WebHost.UseKestrelHttpsConfiguration().CloseUnboundSockets().UseReserved(reserved).ConfigureKestrel(kestrel => Configure(kestrel, options, identity, time));
        WebApplication server = builder.Build();
        server.Run(server.Services.GetRequiredService<AdmissionHandler>().ServeAsync);
        return server;
    }

    private static void Configure(KestrelServerOptions kestrel, AdmissionOptions options, ServerIdentity identity, TimeProvider time)
    {
        kestrel.AddServerHeader = false;
        KestrelServerLimits limits = kestrel.Limits;
        limits.MaxRequestBodySize = AdmissionHandler.LongestReview;
        limits.MaxRequestBufferSize = 64 * 1024;
        limits.MaxRequestHeadersTotalSize = 16 * 1024;
        limits.RequestHeadersTimeout = TimeSpan.FromSeconds(5);
        limits.MinRequestBodyDataRate = new(bytesPerSecond: 64 * 1024, gracePeriod: TimeSpan.FromSeconds(2));
        ConnectionGate gate = new(Bounds, time);
        SourceRate<IPAddress> rate = new(MostPerSecond, Burst, time);
        kestrel.Listen(options.Listen, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http1;
            endpoint.Use(next => connection => gate.ServeAsync(connection, next, rate));
            endpoint.UseHttps(Tls(identity));
        });
    }

    private static TlsHandshakeCallbackOptions Tls(ServerIdentity identity) => new()
    {
        HandshakeTimeout = HandshakeTimeout,
        OnConnection = async context => new SslServerAuthenticationOptions
        {
            // Some API servers that are built for FIPS have no TLS 1.3.
            EnabledSslProtocols = SslProtocols.Tls12 | SslProtocols.Tls13,
            ApplicationProtocols = [SslApplicationProtocol.Http11],
            ServerCertificateContext = await identity.GetAsync(context.CancellationToken),
            AllowTlsResume = false,
        },
    };
}
