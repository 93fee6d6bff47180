using Culvert.Controller.Api;
using Culvert.Controller.Nodes;
using Culvert.GrpcHosting;
using Culvert.Hosting;
using Culvert.Protocol.V1;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Hosting;

/// <summary>The server that agents connect to: gRPC with TLS on a port, without on a Unix socket.</summary>
internal static class AgentServer
{
    /// <summary>
    /// Most calls of one connection at a time. An agent has one stream, and asks for the certificates of all of its node's workloads when it starts; what finds no room takes another connection.
    /// No fewer: so many are what .NET's client, and others (RFC 9113, 6.5.2), take for granted before they have heard of a limit.
    /// </summary>
    internal const int MostCallsOfAConnection = 100;

    private static readonly TimeSpan WriteTimeout = TimeSpan.FromSeconds(30), RequestTimeout = TimeSpan.FromSeconds(10);

    /// <summary>The server; it is not started yet.</summary>
    public static WebServer Serve(
        ControllerOptions options, ReservedAddress? reserved, ServerIdentity identity, NodeAuthenticator authenticator, SnapshotServiceHandler snapshots, CertificateServiceHandler certificates, ILoggerFactory loggers) =>
        new(() => Build(options, reserved, identity, authenticator, snapshots, certificates, loggers));

    /// <summary>The port of a server that has been started with TLS.</summary>
    public static int PortOf(WebServer server) => server.Addresses.Where(a => a.StartsWith("https://", StringComparison.Ordinal) && !a.Contains("unix:", StringComparison.Ordinal)).Select(a => new Uri(a).Port).First();

    private static WebApplication Build(
        ControllerOptions options, ReservedAddress? reserved, ServerIdentity identity, NodeAuthenticator authenticator, SnapshotServiceHandler snapshots, CertificateServiceHandler certificates, ILoggerFactory loggers)
    {
        WebApplicationBuilder builder = WebServer.CreateBuilder(loggers);
        builder.Services.AddLimitedGrpc(
            grpc => grpc.MaxReceiveMessageSize = AgentCalls.LongestReport,
            limits => (limits.WriteTimeout, limits.RequestTimeout, limits.Admit) = (WriteTimeout, RequestTimeout, AgentCalls.Admit));
        builder.WebHost.UseKestrelHttpsConfiguration().CloseUnboundSockets().ConfigureKestrel(kestrel => Configure(kestrel, options, identity, authenticator, loggers));
        if (options.UnixSocket is not null) builder.WebHost.UseGrpcUnixSocket(options.UnixSocket);
        if (reserved is not null) builder.WebHost.UseReserved(reserved);
        WebApplication server = builder.Build();
        server.MapLimitedGrpcService(snapshots.Bind());
        server.MapLimitedGrpcService(CertificateService.BindService(certificates));
        return server;
    }

    private static void Configure(KestrelServerOptions kestrel, ControllerOptions options, ServerIdentity identity, NodeAuthenticator authenticator, ILoggerFactory loggers)
    {
        kestrel.UseGrpcDefaults();
        kestrel.Limits.Http2.MaxStreamsPerConnection = MostCallsOfAConnection;
        // Agents do the handshake below their HTTP client, which therefore takes the connection for plain.
        kestrel.AllowAlternateSchemes = true;
        if (options.Listen is not { } listen) return;
        kestrel.Listen(listen, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http2;
            AgentConnections connections = new(options.Time, loggers.CreateLogger<ControllerHost>());
            endpoint.Use(next => connection => connections.BeforeHandshakeAsync(connection, next));
            endpoint.UseHttps(ControllerTls.Options(identity, authenticator));
            endpoint.Use(next => connection => connections.AfterHandshakeAsync(connection, next));
        });
    }
}
