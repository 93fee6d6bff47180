using System.Net.Security;
using System.Net.Sockets;
using System.Security.Cryptography.X509Certificates;
using Google.Protobuf.WellKnownTypes;
using Grpc.Net.Client;

namespace Culvert.GrpcHosting.Tests;

/// <summary>The Unix socket's file, and the client certificate of a TLS connection.</summary>
public sealed class SocketTests
{
    [Fact(Timeout = 30_000)]
    [System.Runtime.Versioning.UnsupportedOSPlatform("windows")]
    public async Task TheUnixSocketIsForItsOwnerOnly()
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), Transport.Unix);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(server.SocketPath));
    }

    [Fact(Timeout = 30_000)]
    public async Task ASocketFileLeftBehindIsReplacedButALiveOneAndOtherFilesAreNot()
    {
        DirectoryInfo folder = Directory.CreateTempSubdirectory("cv-grpc-");
        string path = Path.Combine(folder.FullName, "s");
        try
        {
            // Bound and abandoned under another name, so that closing it does not remove the file.
            using (Socket dead = new(AddressFamily.Unix, SocketType.Stream, ProtocolType.Unspecified))
            {
                dead.Bind(new UnixDomainSocketEndPoint(path + ".tmp"));
                File.Move(path + ".tmp", path);
            }

            await using (await TestServer.StartAsync(Echo.Definition(), path))
            {
                IOException busy = await Assert.ThrowsAsync<IOException>(() => TestServer.StartAsync(Echo.Definition(), path));
                Assert.Contains("another process", busy.ToString(), StringComparison.Ordinal);
            }

            await File.WriteAllTextAsync(path, "precious");
            await Assert.ThrowsAsync<IOException>(() => TestServer.StartAsync(Echo.Definition(), path));
            Assert.Equal("precious", await File.ReadAllTextAsync(path));
        }
        finally
        {
            folder.Delete(recursive: true);
        }
    }

    [Fact(Timeout = 30_000)]
    public async Task TheHandlerSeesTheClientsCertificate()
    {
        ServerServiceDefinition service = ServerServiceDefinition.CreateBuilder()
            .AddMethod(Echo.Unary, (StringValue _, ServerCallContext context) => Task.FromResult(new StringValue
            {
                Value = context.GetHttpContext().Connection.ClientCertificate!.Subject + " " + context.Peer[..10],
            }))
            .Build();
        await using TestServer server = await TestServer.StartAsync(service, Transport.Tls);
        using GrpcChannel channel = server.Connect();
        StringValue response = await channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, default, new StringValue());
        Assert.Equal("CN=spiffe-client ipv4:127.0", response.Value);
    }

    [Theory(Timeout = 30_000)]
    [InlineData(false)]
    [InlineData(true)]
    public async Task AClientWithoutATrustedCertificateIsRefused(bool foreign)
    {
        await using TestServer server = await TestServer.StartAsync(Echo.Definition(), Transport.Tls);
        using TestCertificates other = TestCertificates.Create();
        SocketsHttpHandler handler = GrpcSocketsHandler.Create();
        X509CertificateCollection shown = foreign ? [other.Client] : [];
        handler.SslOptions = new SslClientAuthenticationOptions
        {
            ClientCertificates = shown,
#pragma warning disable CA5359 // The test is about the server's check.
            RemoteCertificateValidationCallback = (_, _, _, _) => true,
#pragma warning restore CA5359
        };
        using GrpcChannel channel = GrpcChannel.ForAddress(server.Address, new GrpcChannelOptions { HttpHandler = handler, DisposeHttpClient = true });
        RpcException e = await Assert.ThrowsAsync<RpcException>(
            async () => await channel.CreateCallInvoker().AsyncUnaryCall(Echo.Unary, null, default, new StringValue()));

        // How the server ends the connection decides which of these the package says.
        Assert.True(e.StatusCode is StatusCode.Unavailable or StatusCode.Internal, e.ToString());
        Assert.IsType<HttpRequestException>(e.Status.DebugException);
    }
}
