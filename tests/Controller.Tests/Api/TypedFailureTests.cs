using Culvert.Controller.Attestation;
using Culvert.Controller.Identity;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Culvert.Tests.Shared;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests;

/// <summary>What an authority or an attestor says reaches the agent: the kind of failure and when to ask again.</summary>
public sealed class TypedFailureTests : IAsyncLifetime
{
    private readonly TempFolder _folder = new();
    private BuiltInCertificateAuthority _builtIn = null!;
    private StandInAuthority _authority = null!;

    public async ValueTask InitializeAsync()
    {
        _folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        _builtIn = await BuiltInCertificateAuthority.OpenAsync(new(), new FolderRootStore(_folder.File("ca")), TimeProvider.System, new Random(1), NullLogger.Instance, TestContext.Current.CancellationToken);
        _authority = new(_builtIn);
    }

    [Theory]
    [InlineData(AuthorityFailure.InvalidRequest, StatusCode.InvalidArgument, null)]
    [InlineData(AuthorityFailure.NotPermitted, StatusCode.PermissionDenied, null)]
    [InlineData(AuthorityFailure.Overloaded, StatusCode.ResourceExhausted, 45)]
    [InlineData(AuthorityFailure.Unavailable, StatusCode.Unavailable, 3600)]
    [InlineData(AuthorityFailure.Misconfigured, StatusCode.FailedPrecondition, null)]
    public async Task AnAuthoritysFailureReachesTheAgent(AuthorityFailure reason, StatusCode status, int? retryAfterSeconds)
    {
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(_folder) with { Authority = _authority }, TestContext.Current.CancellationToken);
        using FakeAgent agent = FakeAgent.OverSocket(_folder.File("c.sock"), "node-1");
        _authority.Failure = new(reason, "because of this") { RetryAfter = retryAfterSeconds is { } s ? TimeSpan.FromSeconds(s) : null };
        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await SignAsync(agent));
        Assert.Equal((status, "because of this"), (refused.StatusCode, refused.Status.Detail));
        Assert.Equal(TimeSpan.FromSeconds(Math.Min(retryAfterSeconds ?? 0, 600)), RetryPushback.Of(refused));

        _authority.Failure = null;
        Assert.NotEmpty((await SignAsync(agent)).ChainDer);
    }

    [Fact]
    public async Task WhileTheAuthorityIsAwayTheControllerServesWithTheCertificateItHas()
    {
        _folder.Write("objects/mesh.yaml", "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {certificate: {lifetime: 1h}}\n");
        ManualTime time = new(TimeProvider.System.GetUtcNow());
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(_folder) with { Authority = _authority, Time = time }, TestContext.Current.CancellationToken);
        using FakeAgent agent = FakeAgent.OverTls(host, "node-1", time: time);
        _ = await agent.JoinAsync(host.Tokens.Create("node-1", TimeSpan.FromDays(1)));
        _authority.Failure = new(AuthorityFailure.Unavailable, "does not answer");
        time.Advance(TimeSpan.FromMinutes(45));

        // Past two thirds of its life. The answer is the authority's, so the handshake went well.
        using FakeAgent other = FakeAgent.OverTls(host, "node-2", time: time);
        RpcException refused = await Assert.ThrowsAsync<RpcException>(() => other.JoinAsync(host.Tokens.Create("node-2", TimeSpan.FromDays(1))));
        Assert.Equal("does not answer", refused.Status.Detail);
    }

    [Fact]
    public async Task ANodeIsWhoItsAttestorSaysAndEvidenceIsUsedUpLast()
    {
        StandInAttestor attestor = new();
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(_folder) with { Attestor = attestor }, TestContext.Current.CancellationToken);
        using FakeAgent agent = FakeAgent.OverTls(host, "node-1");
        attestor.Failure = new(AttestationFailure.Overloaded, "too many at once") { RetryAfter = TimeSpan.FromSeconds(7) };
        RpcException busy = await Assert.ThrowsAsync<RpcException>(() => agent.JoinAsync("document"));
        Assert.Equal((StatusCode.ResourceExhausted, TimeSpan.FromSeconds(7)), (busy.StatusCode, RetryPushback.Of(busy)));

        attestor.Failure = null;
        attestor.Node = "node-2";
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => agent.JoinAsync("document"))).StatusCode);
        Assert.Equal(0, attestor.Consumed);
        attestor.Node = "node-1";
        _ = await agent.JoinAsync("document");
        Assert.Equal(1, attestor.Consumed);
    }

    public async ValueTask DisposeAsync()
    {
        await _builtIn.DisposeAsync();
        _folder.Dispose();
    }

    private static async Task<CertificateResponse> SignAsync(FakeAgent agent)
    {
        (byte[] csr, var key) = FakeAgent.NewCsr();
        using (key) return await agent.Certificates.SignWorkloadAsync(new() { WorkloadUid = "shop/web", CsrDer = ByteString.CopyFrom(csr) }, agent.Options);
    }

    private sealed class StandInAttestor : INodeAttestor
    {
        public AttestationException? Failure { get; set; }

        public string Node { get; set; } = "";

        public int Consumed { get; private set; }

        public async Task<string> VerifyAsync(NodeEvidence evidence, CancellationToken cancellationToken)
        {
            await Task.Yield();
            return Failure is { } failure ? throw failure : Node;
        }

        public Task ConsumeAsync(NodeEvidence evidence, CancellationToken cancellationToken)
        {
            Consumed++;
            return Task.CompletedTask;
        }
    }
}
