using System.Net;
using System.Net.Security;
using System.Net.Sockets;
using System.Security.Authentication;
using System.Security.Cryptography.X509Certificates;
using Culvert.Core;
using Culvert.NodeAgent.Identity;
using Culvert.NodeAgent.Identity.Spire;
using Culvert.NodeAgent.Tests.Proxy;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Culvert.Protocol.WorkloadApi;
using Culvert.Tests.Shared;
using Culvert.Tests.Shared.Spire;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;
using TrustBundle = Culvert.Core.TrustBundle;

namespace Culvert.NodeAgent.Tests.Identity.Spire;

/// <summary>A node whose own certificate, and whose controller's roots, SPIRE gives by the Workload API.</summary>
public sealed class SpireNodeIdentityTests : IAsyncDisposable
{
    private const string Node = "spiffe://example.org/culvert/node/n1";
    private const string Controller = "spiffe://example.org/culvert/controller";

    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-test-").FullName;
    private readonly TestAuthority _authority = new();
    private readonly TestAuthority _stranger = new("a stranger");
    private readonly Socket _listener = new(AddressFamily.InterNetwork, SocketType.Stream, ProtocolType.Tcp);
    private readonly ManualTime _time = new(DateTimeOffset.UtcNow);
    private StandInWorkloadApi? _api;
    private SpireNodeIdentity? _identity;

    public SpireNodeIdentityTests()
    {
        _listener.Bind(new IPEndPoint(IPAddress.Loopback, 0));
        _listener.Listen();
    }

    private static CancellationToken Cancel => TestContext.Current.CancellationToken;

    public async ValueTask DisposeAsync()
    {
        if (_identity is not null) await _identity.DisposeAsync();
        if (_api is not null) await _api.DisposeAsync();
        _listener.Dispose();
        _authority.Dispose();
        _stranger.Dispose();
        Directory.Delete(_folder, recursive: true);
    }

    [Fact]
    public async Task TheControllerIsShownTheNodesCertificateAndNoOther()
    {
        TestLeaf own = _authority.Issue(Node), other = _authority.Issue("spiffe://example.org/ns/culvert-system/sa/culvert-agent");
        using ControllerLink link = await LinkAsync(Answer(("spiffe://example.org/ns/culvert-system/sa/culvert-agent", other), (Node, own)));
        await SocketExtensions.EventuallyAsync(() => _identity!.Current is not null);
        Assert.Equal(own.Certificate, await ShownAsync(link, _authority.Issue(Controller)));
        Assert.Equal((SpiffeId.Parse(Node), 1, "spire-agent"), (_identity!.Held!.Id, _identity.Held.Version, _identity.Source));

        // From the next connection on another one that has come.
        TestLeaf next = _authority.Issue(Node);
        _api!.Tell(Answer((Node, next)));
        await SocketExtensions.EventuallyAsync(() => _identity.Held!.Version == 2);
        Assert.Equal(next.Certificate, await ShownAsync(link, _authority.Issue(Controller)));
    }

    [Fact]
    public async Task OnlyTheRootsOfTheWorkloadApiSayWhoTheControllerIs()
    {
        using ControllerLink link = await LinkAsync(Answer((Node, _authority.Issue(Node))));
        await SocketExtensions.EventuallyAsync(() => _identity!.Current is not null);
        link.SetBundle(new TrustBundle("example.org", [_stranger.Root]));
        Assert.Null(await ShownAsync(link, _stranger.Issue(Controller)));
        Assert.Null(await ShownAsync(link, _authority.Issue(Node)));
        Assert.NotNull(await ShownAsync(link, _authority.Issue(Controller)));
    }

    [Fact]
    public async Task WithoutAnIdentityItIsSaidWhichEntryIsMissing()
    {
        using ControllerLink link = await LinkAsync(answer: null);
        await SocketExtensions.EventuallyAsync(() => _identity!.LastError!.Contains("no identity issued", StringComparison.Ordinal));
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(() => link.ConnectAsync(Cancel));
        Assert.Contains("needs an entry of the SPIFFE ID spiffe://TRUST-DOMAIN/culvert/node/n1", failure.Message, StringComparison.Ordinal);

        // Nor is another node's one its own.
        _api!.Tell(Answer(("spiffe://example.org/culvert/node/n2", _authority.Issue("spiffe://example.org/culvert/node/n2"))));
        await SocketExtensions.EventuallyAsync(() =>
        {
            _time.Advance(TimeSpan.FromSeconds(20));
            return _identity!.LastError!.Contains("other identities than the one that is wanted: spiffe://example.org/culvert/node/n2", StringComparison.Ordinal);
        });
        Assert.Null(_identity!.Held);
    }

    [Fact]
    public async Task WhatHasEndedIsShownToNobody()
    {
        using ControllerLink link = await LinkAsync(Answer((Node, _authority.Issue(Node))));
        await SocketExtensions.EventuallyAsync(() => _identity!.Current is not null);
        _time.Advance(TimeSpan.FromHours(1));
        InvalidOperationException failure = await Assert.ThrowsAsync<InvalidOperationException>(() => link.ConnectAsync(Cancel));
        Assert.Contains("gave a certificate that has ended at", failure.Message, StringComparison.Ordinal);
        Assert.Null(_identity!.NotAfter);
    }

    [Fact]
    public async Task NobodyRenewsItButSpire()
    {
        TestLeaf own = _authority.Issue(Node);
        using ControllerLink link = await LinkAsync(Answer((Node, own)));
        await SocketExtensions.EventuallyAsync(() => _identity!.Current is not null);
        Rotation rotation = await link.RotateAsync(Cancel);
        Assert.Equal(own.Certificate, rotation.Before);
        Assert.Equal((null, "SPIRE renews the node's certificate by itself"), (rotation.After, rotation.Error));
        Assert.True(link.KeepRenewedAsync(Cancel).IsCompletedSuccessfully);
    }

    private X509SVIDResponse Answer(params (string Id, TestLeaf Leaf)[] svids)
    {
        X509SVIDResponse answer = new();
        answer.Svids.AddRange(svids.Select(s => new X509SVID { SpiffeId = s.Id, X509Svid = ByteString.CopyFrom(s.Leaf.Certificate), X509SvidKey = ByteString.CopyFrom(s.Leaf.Key), Bundle = ByteString.CopyFrom(_authority.Root.Span) }));
        return answer;
    }

    // An answer that comes after the question is not heard before the clock is put forward.
    private async Task<ControllerLink> LinkAsync(X509SVIDResponse? answer)
    {
        _api = await StandInWorkloadApi.StartAsync();
        if (answer is not null) _api.Tell(answer);
        Assert.True(SpiffeEndpoint.TryParse($"unix://{_api.Socket}", out SpiffeEndpoint? endpoint, out _));
        _identity = new(endpoint, "n1", _time, NullLogger.Instance);
        NodeCredentials none = new("n1", _folder, null, _time, NullLogger.Instance);
        return new ControllerLink(new Uri($"https://{_listener.LocalEndPoint}"), "n1", null, none, _time, NullLogger.Instance, _identity);
    }

    // What a server with this certificate is shown by a call; null where the agent does not take it for the controller. Then the server hangs up.
    private async Task<byte[]?> ShownAsync(ControllerLink link, TestLeaf controller)
    {
        Task<byte[]?> serving = ServeOnceAsync(controller);
        CallInvoker invoker = await link.ConnectAsync(Cancel);
        await Assert.ThrowsAsync<RpcException>(async () => await new CertificateService.CertificateServiceClient(invoker).SignWorkloadAsync(new(), cancellationToken: Cancel));
        return await serving;
    }

    private async Task<byte[]?> ServeOnceAsync(TestLeaf controller)
    {
        using Socket socket = await _listener.AcceptAsync(Cancel);
        using X509Certificate2 pem = X509Certificate2.CreateFromPem(controller.CertificatePem, controller.KeyPem);
        await using SslStream stream = new(new NetworkStream(socket));
        byte[]? shown = null;
        try
        {
            await stream.AuthenticateAsServerAsync(
                new SslServerAuthenticationOptions
                {
                    ServerCertificateContext = SslStreamCertificateContext.Create(pem, [], offline: true, trust: null),
                    ApplicationProtocols = [SslApplicationProtocol.Http2],
                    ClientCertificateRequired = true,
                    RemoteCertificateValidationCallback = (_, certificate, _, _) =>
                    {
                        shown = certificate?.GetRawCertData();
                        return true;
                    },
                },
                Cancel);
            return await stream.ReadAsync(new byte[1], Cancel) == 1 ? shown : null;
        }
        catch (Exception e) when (e is AuthenticationException or IOException)
        {
            return null;
        }
    }
}
