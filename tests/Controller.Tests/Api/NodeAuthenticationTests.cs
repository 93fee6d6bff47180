using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Attestation;
using Culvert.Core;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.Controller.Tests;

public sealed class NodeAuthenticationTests
{
    [Fact]
    public async Task NodeJoinsByTokenThenStreamsAndSignsByCertificate()
    {
        await using Running running = await StartAsync();
        SslClientIdentity identity = await JoinAsync(running, "node-1");
        Assert.True(SvidReader.TryRead(identity.Certificate, out SpiffeId? id));
        Assert.Equal("spiffe://cluster.local/culvert/node/node-1", id.ToString());

        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", identity);
        await agent.OpenAsync();
        Assert.True((await agent.NextAsync()).Full);
        (byte[] csr, _) = FakeAgent.NewCsr();
        CertificateResponse signed = await agent.Certificates.SignWorkloadAsync(new() { WorkloadUid = "shop/web", CsrDer = ByteString.CopyFrom(csr) }, agent.Options);
        Assert.Equal("spiffe://cluster.local/ns/shop/sa/web", signed.Identity);
        Assert.Equal(2, signed.ChainDer.Count);
        Assert.InRange((signed.NotAfter.ToDateTime() - DateTime.UtcNow).TotalHours, 48 * 0.89, 48 * 1.11);
        CertificateResponse renewed = await agent.Certificates.RenewNodeAsync(new() { CsrDer = ByteString.CopyFrom(csr) }, agent.Options);
        Assert.Equal(id.ToString(), renewed.Identity);
    }

    [Theory]
    [InlineData("shop/api")]
    [InlineData("shop/nobody")]
    [InlineData("shop/out")]
    [InlineData("")]
    [Trait("Category", "Attack")]
    public async Task CertificatesAreForEnrolledWorkloadsOfTheNodeOnly(string uid)
    {
        await using Running running = await StartAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        (byte[] csr, _) = FakeAgent.NewCsr();
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () =>
            await agent.Certificates.SignWorkloadAsync(new() { WorkloadUid = uid, CsrDer = ByteString.CopyFrom(csr) }, agent.Options));
        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
    }

    [Fact]
    public async Task BadCsrIsAnInvalidArgument()
    {
        await using Running running = await StartAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () =>
            await agent.Certificates.SignWorkloadAsync(new() { WorkloadUid = "shop/web", CsrDer = ByteString.CopyFromUtf8("nonsense") }, agent.Options));
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task TokensAreForOneNodeAndOneUse()
    {
        await using Running running = await StartAsync();
        string token = running.Host.Tokens.Create("node-1", TimeSpan.FromMinutes(5));
        using FakeAgent other = FakeAgent.OverTls(running.Host, "node-2"), right = FakeAgent.OverTls(running.Host, "node-1");
        Assert.Contains("another node", (await Denied(() => other.JoinAsync(token))).Status.Detail, StringComparison.Ordinal);
        await right.JoinAsync(token);
        Assert.Contains("used already", (await Denied(() => right.JoinAsync(token))).Status.Detail, StringComparison.Ordinal);
        Assert.Contains("not known", (await Denied(() => right.JoinAsync("made-up"))).Status.Detail, StringComparison.Ordinal);
        Assert.Contains("expired", (await Denied(() => right.JoinAsync(running.Host.Tokens.Create("node-1", TimeSpan.FromTicks(1))))).Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAgentThatConnectsAgainIsVerifiedAgain()
    {
        await using Running running = await StartAsync();
        SslClientIdentity identity = await JoinAsync(running, "node-1");
        for (int connection = 0; connection < 3; connection++)
        {
            // A resumed TLS session would show no chain.
            using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", identity);
            await agent.OpenAsync();
            await agent.NextAsync();
        }
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WithoutCertificateOnlyJoiningIsPossible()
    {
        await using Running running = await StartAsync();
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1");
        await agent.OpenAsync();
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(agent.ReceiveAsync)).StatusCode);
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await agent.Certificates.RenewNodeAsync(new(), agent.Options));
        Assert.Equal(StatusCode.Unauthenticated, e.StatusCode);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WorkloadCertificateIsNotANodes()
    {
        await using Running running = await StartAsync();
        using FakeAgent local = FakeAgent.OverSocket(running.Socket, "node-1");
        (byte[] csr, ECDsa key) = FakeAgent.NewCsr();
        CertificateResponse signed = await local.Certificates.SignWorkloadAsync(new() { WorkloadUid = "shop/web", CsrDer = ByteString.CopyFrom(csr) }, local.Options);
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", FakeAgent.Identity(signed, key));
        await agent.OpenAsync();
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(agent.ReceiveAsync)).StatusCode);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task CertificateOfOneNodeDoesNotOpenAnothersSnapshot()
    {
        await using Running running = await StartAsync();
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-2", await JoinAsync(running, "node-1"));
        await agent.OpenAsync("node-2");
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(agent.ReceiveAsync)).StatusCode);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task CertificateOfAnotherAuthorityEndsTheHandshake()
    {
        await using Running running = await StartAsync(), stranger = await StartAsync();
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", await JoinAsync(stranger, "node-1"));
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await agent.OpenAsync();
            await agent.ReceiveAsync();
        });
        Assert.Equal(StatusCode.Unavailable, CallFailure.CodeOf(e));
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task AgentRefusesAControllerOfAnotherRoot()
    {
        await using Running running = await StartAsync(), stranger = await StartAsync();
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", roots: [.. stranger.Host.Authority.Roots]);
        RpcException e = await Assert.ThrowsAsync<RpcException>(() => agent.JoinAsync("token"));
        Assert.Equal(StatusCode.Unavailable, CallFailure.CodeOf(e));
        Assert.Contains("--bootstrap-roots takes the controller's own roots.pem", CallFailure.Describe(e), StringComparison.Ordinal);
        Assert.DoesNotContain("Callback", CallFailure.Describe(e), StringComparison.Ordinal);
    }

    [Fact]
    public async Task RootsFileIsWhatOpenSslVerifiesTheControllerWith()
    {
        await using Running running = await StartAsync();
        (_, string output) = await OpenSsl.RunAsync(
            "s_client", "-connect", $"localhost:{running.Host.EndPoint!.Port}", "-CAfile", running.Folder.File("state/roots.pem"), "-verify_hostname", "localhost", "-alpn", "h2");
        Assert.Contains("Verify return code: 0 (ok)", output, StringComparison.Ordinal);
        Assert.Contains("TLSv1.3", output, StringComparison.Ordinal);
    }

    [Fact]
    public async Task SocketIsForTheOwnerOnlyAndTokensAreHashed()
    {
        await using Running running = await StartAsync();
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(running.Socket));
        string token = running.Host.Tokens.Create("node-1", TimeSpan.FromMinutes(5));
        string file = Assert.Single(Directory.GetFiles(running.Folder.File("state/join-tokens")));
        Assert.DoesNotContain(token, file + File.ReadAllText(file), StringComparison.Ordinal);
        Assert.Equal(UnixFileMode.UserRead | UnixFileMode.UserWrite, File.GetUnixFileMode(file));
        Assert.Throws<ArgumentException>(() => running.Host.Tokens.Create("Not A Node", TimeSpan.FromMinutes(5)));
    }

    [Fact]
    public async Task TokenMayBeMadeBeforeTheFirstStart()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("objects"));
        ControllerOptions options = Running.Options(folder) with { StateFolder = folder.File("var/lib/state") };
        string token = new JoinTokenStore(ControllerHost.TokenFolder(options.StateFolder), TimeProvider.System).Create("node-1", TimeSpan.FromMinutes(5));
        await using ControllerHost controller = await ControllerHost.StartAsync(options, TestContext.Current.CancellationToken);
        using FakeAgent agent = FakeAgent.OverTls(controller, "node-1");
        Assert.NotNull(await agent.JoinAsync(token));
    }

    [Fact]
    public async Task TakenAddressIsSaid()
    {
        await using Running running = await StartAsync();
        using var folder = new TempFolder();
        ControllerOptions options = Running.Options(folder) with { Listen = running.Host.EndPoint };
        await Assert.ThrowsAnyAsync<IOException>(() => ControllerHost.StartAsync(options, TestContext.Current.CancellationToken));
    }

    private static async Task<SslClientIdentity> JoinAsync(Running running, string node)
    {
        using FakeAgent agent = FakeAgent.OverTls(running.Host, node);
        return await agent.JoinAsync(running.Host.Tokens.Create(node, TimeSpan.FromMinutes(5)));
    }

    private static async Task<RpcException> Denied(Func<Task> call)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(call);
        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
        return e;
    }

    private static Task<Running> StartAsync() => Running.StartAsync(f =>
    {
        f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1") + Objects.Workload("api", "10.0.0.2", "node-2"));
        f.Write("objects/out.yaml", "apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {name: out, namespace: shop}\nspec: {node: node-1, addresses: [10.0.0.3], enrolled: false}\n");
    });
}
