using System.Net;
using System.Net.Security;
using System.Security.Cryptography.X509Certificates;
using Culvert.Hosting;
using Grpc.AspNetCore.Server;
using Grpc.Net.Client;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Hosting;
using Microsoft.Extensions.Logging;

namespace Culvert.GrpcHosting.Tests;

/// <summary>A real Kestrel with one service, and channels to it.</summary>
internal sealed class TestServer : IAsyncDisposable
{
    private readonly WebApplication app;
    private readonly WebServer server;
    private readonly TestCertificates? certificates;
    private readonly DirectoryInfo? folder;
    private readonly Transport transport;

    private TestServer(WebApplication app, WebServer server, Transport transport, TestCertificates? certificates, DirectoryInfo? folder, RecordingLogger log)
    {
        this.app = app;
        this.server = server;
        this.transport = transport;
        this.certificates = certificates;
        this.folder = folder;
        Log = log;
    }

    internal RecordingLogger Log { get; }

    internal string SocketPath => Path.Combine(folder!.FullName, "s");

    internal Uri Address => new(app.Urls.Single());

    /// <summary>Serves on a Unix socket whose file the test looks after.</summary>
    internal static Task<TestServer> StartAsync(ServerServiceDefinition service, string socketPath) =>
        StartAsync(service, Transport.Unix, socketPath: socketPath);

    internal static async Task<TestServer> StartAsync(
        ServerServiceDefinition service,
        Transport transport = Transport.Clear,
        Action<GrpcServiceOptions>? options = null,
        string? socketPath = null,
        Action<ServerCallLimits>? limits = null)
    {
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        RecordingLogger log = new();
        builder.Logging.ClearProviders().AddGrpcFilters().AddProvider(log);
        builder.Services.AddLimitedGrpc(options, limits);
        builder.Services.Configure<HostOptions>(host => host.ShutdownTimeout = TimeSpan.FromSeconds(5));
        DirectoryInfo? folder = null;
        TestCertificates? certificates = null;
        builder.WebHost.ConfigureKestrel(kestrel => kestrel.UseGrpcDefaults());
        if (transport == Transport.Unix)
        {
            folder = socketPath is null ? Directory.CreateTempSubdirectory("cv-grpc-") : null;
            builder.WebHost.UseGrpcUnixSocket(socketPath ?? Path.Combine(folder!.FullName, "s"));
        }
        else
        {
            certificates = transport == Transport.Tls ? TestCertificates.Create() : null;
            builder.WebHost.ConfigureKestrel(kestrel => kestrel.Listen(IPAddress.Loopback, 0, listen => Configure(listen, certificates)));
        }

        WebApplication app = builder.Build();
        app.MapLimitedGrpcService(service);
        WebServer server = new(() => app);
        try
        {
            await server.StartAsync(CancellationToken.None);
        }
        catch
        {
            await app.DisposeAsync();
            throw;
        }

        return new TestServer(app, server, transport, certificates, folder, log);
    }

    internal GrpcChannel Connect(Action<GrpcChannelOptions>? configure = null)
    {
        SocketsHttpHandler handler = transport == Transport.Unix
            ? GrpcSocketsHandler.CreateForUnixSocket(SocketPath)
            : GrpcSocketsHandler.Create();
        if (certificates is { } made)
        {
            handler.SslOptions = new SslClientAuthenticationOptions
            {
                ClientCertificates = [made.Client],
                RemoteCertificateValidationCallback = (_, certificate, _, _) => made.Trusts(certificate),
            };
        }

        GrpcChannelOptions options = new() { HttpHandler = handler, DisposeHttpClient = true };
        configure?.Invoke(options);
        return transport == Transport.Unix ? GrpcChannel.ForAddress("http://localhost", options) : GrpcChannel.ForAddress(Address, options);
    }

    /// <summary>Stops it as the agent and the controller stop their servers.</summary>
    internal Task StopAsync() => server.StopAsync(CancellationToken.None);

    public async ValueTask DisposeAsync()
    {
        await app.DisposeAsync();
        certificates?.Dispose();
        folder?.Delete(recursive: true);
        Log.Dispose();
    }

    private static void Configure(ListenOptions listen, TestCertificates? certificates)
    {
        listen.Protocols = HttpProtocols.Http2;
        if (certificates is { } made)
        {
            listen.UseHttps(new HttpsConnectionAdapterOptions
            {
                ServerCertificate = made.Server,
                ClientCertificateMode = ClientCertificateMode.RequireCertificate,
                ClientCertificateValidation = (certificate, _, _) => made.Trusts(certificate),
            });
        }
    }
}
