using System.Net;
using System.Net.Security;
using System.Security.Authentication;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.GrpcHosting;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.AspNetCore.Builder;
using Microsoft.AspNetCore.Hosting;
using Microsoft.AspNetCore.Hosting.Server;
using Microsoft.AspNetCore.Hosting.Server.Features;
using Microsoft.AspNetCore.Server.Kestrel.Core;
using Microsoft.AspNetCore.Server.Kestrel.Https;
using Microsoft.Extensions.DependencyInjection;
using Microsoft.Extensions.Logging;

namespace Culvert.NodeAgent.Tests.Identity;

/// <summary>A controller on loopback that renews the certificate of a node, or fails as a test says; it asks nobody who they are.</summary>
internal sealed class StandInController : CertificateService.CertificateServiceBase, IAsyncDisposable
{
    private readonly TestAuthority _authority;
    private readonly string _node;
    private readonly X509Certificate2 _own;
    private readonly WebApplication _app;
    private readonly TaskCompletionSource _asked = new(TaskCreationOptions.RunContinuationsAsynchronously);

    private StandInController(TestAuthority authority, string node)
    {
        (_authority, _node) = (authority, node);
        TestLeaf own = authority.Issue("spiffe://cluster.local/culvert/controller");
        _own = X509Certificate2.CreateFromPem(own.CertificatePem, own.KeyPem);
        WebApplicationBuilder builder = WebApplication.CreateSlimBuilder();
        builder.Logging.ClearProviders();
        builder.Services.AddGrpc();
        builder.WebHost.UseKestrelCore().UseKestrelHttpsConfiguration().ConfigureKestrel(Configure);
        _app = builder.Build();
        _app.MapGrpcService(CertificateService.BindService(this));
    }

    /// <summary>Why nothing is renewed; null: it is.</summary>
    internal RpcException? Failure { get; set; }

    /// <summary>What comes with a certificate, DER; empty: nothing.</summary>
    internal ReadOnlyMemory<byte> Above { get; set; }

    /// <summary>How often it was asked.</summary>
    internal int Calls { get; private set; }

    /// <summary>Ends when it is asked for the first time.</summary>
    internal Task Asked => _asked.Task;

    internal Uri Address => new(_app.Services.GetRequiredService<IServer>().Features.Get<IServerAddressesFeature>()!.Addresses.Single());

    internal static async Task<StandInController> StartAsync(TestAuthority authority, string node)
    {
        StandInController controller = new(authority, node);
        await controller._app.StartAsync();
        return controller;
    }

    public override Task<CertificateResponse> RenewNode(RenewNodeRequest request, ServerCallContext context)
    {
        Calls++;
        _asked.TrySetResult();
        if (Failure is not null) throw Failure;
        CertificateRequest asked = CertificateRequest.LoadSigningRequest(request.CsrDer.ToByteArray(), HashAlgorithmName.SHA256);
        CertificateResponse response = new() { ChainDer = { ByteString.CopyFrom(_authority.IssueFor(asked.PublicKey, _node)) } };
        if (!Above.IsEmpty) response.ChainDer.Add(ByteString.CopyFrom(Above.Span));
        return Task.FromResult(response);
    }

    public async ValueTask DisposeAsync()
    {
        await _app.StopAsync();
        await _app.DisposeAsync();
        _own.Dispose();
    }

    private void Configure(KestrelServerOptions kestrel)
    {
        kestrel.UseGrpcDefaults();
        kestrel.AllowAlternateSchemes = true;
        kestrel.Listen(IPAddress.Loopback, 0, endpoint =>
        {
            endpoint.Protocols = HttpProtocols.Http2;
            endpoint.UseHttps(new TlsHandshakeCallbackOptions
            {
                OnConnection = _ => ValueTask.FromResult(new SslServerAuthenticationOptions
                {
                    EnabledSslProtocols = SslProtocols.Tls13,
                    ApplicationProtocols = [SslApplicationProtocol.Http2],
                    ServerCertificateContext = SslStreamCertificateContext.Create(_own, [], offline: true, trust: null),
                }),
            });
        });
    }
}
