using System.Diagnostics;
using System.Security.Cryptography;
using System.Security.Cryptography.X509Certificates;
using Culvert.Controller.Nodes;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.Controller.Tests;

/// <summary>Node certificates that must not do any more what they could: revoked, of another trust domain, expired, below a root that has gone.</summary>
[Trait("Category", "Attack")]
public sealed class NodeRevocationTests
{
    private static readonly TimeSpan Hour = TimeSpan.FromHours(1);

    [Fact]
    public async Task AThiefOfARevokedNodesCertificateHasNoStreamAndNothingSigned()
    {
        await using Running running = await StartAsync();
        SslClientIdentity stolen = await JoinAsync(running.Host, "node-1");
        string unused = running.Host.Tokens.Create("node-1", Hour);
        using FakeAgent thief = FakeAgent.OverTls(running.Host, "node-1", stolen), other = FakeAgent.OverTls(running.Host, "node-2", await JoinAsync(running.Host, "node-2"));
        await thief.OpenAsync();
        await thief.NextAsync();
        await other.OpenAsync();
        await other.NextAsync();

        // The command, beside the running controller.
        Assert.Contains("join tokens voided: 1", await CommandAsync("node", "revoke", "node-1", "--state-dir", running.Folder.File("state")), StringComparison.Ordinal);
        Assert.Contains("revoked", (await RefusedAsync(thief.ReceiveAsync)).Status.Detail, StringComparison.Ordinal);
        (byte[] csr, _) = FakeAgent.NewCsr();
        await RefusedAsync(async () => await thief.Certificates.SignWorkloadAsync(new() { WorkloadUid = "shop/web", CsrDer = ByteString.CopyFrom(csr) }, thief.Options));
        await RefusedAsync(thief.RenewAsync);
        using FakeAgent again = FakeAgent.OverTls(running.Host, "node-1", stolen);
        await RefusedAsync(again.RenewAsync);
        using FakeAgent withToken = FakeAgent.OverTls(running.Host, "node-1");
        Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => withToken.JoinAsync(unused))).StatusCode);

        // Others go on.
        running.Write("web.yaml", Objects.Workload("web", "10.0.0.7"));
        await other.NextAsync();
        Assert.Matches("node-1  revoked .*20.*20[0-9-]+ [0-9:]+Z\nnode-2  valid .* no", await CommandAsync("node", "list", "--state-dir", running.Folder.File("state")));
    }

    [Fact]
    public async Task ARevokedNodeJoinsAgainWithANewTokenOnly()
    {
        using var folder = new TempFolder();
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(folder) with { Time = time }, TestContext.Current.CancellationToken);
        using FakeAgent joining = FakeAgent.OverTls(host, "node-1", time: time);
        string used = host.Tokens.Create("node-1", Hour);
        SslClientIdentity old = await joining.JoinAsync(used);
        Assert.Equal(NodeCertificateState.Valid, StateOf(host, "node-1", time));
        host.CertifiedNodes.Revoke("node-1");
        Assert.Equal(NodeCertificateState.Revoked, StateOf(host, "node-1", time));
        string token = host.Tokens.Create("node-1", Hour);

        // A token that is not good is never said to be, at no moment.
        foreach (string bad in new[] { used, host.Tokens.Create("node-2", Hour), "" })
            Assert.Equal(StatusCode.PermissionDenied, (await Assert.ThrowsAsync<RpcException>(() => joining.JoinAsync(bad))).StatusCode);

        // In the very second of the revocation a certificate can't be told from one made before it; the token stays good.
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(() => joining.JoinAsync(token))).StatusCode);
        time.Advance(TimeSpan.FromSeconds(1));
        using FakeAgent agent = FakeAgent.OverTls(host, "node-1", await joining.JoinAsync(token), time: time), thief = FakeAgent.OverTls(host, "node-1", old, time: time);
        await agent.OpenAsync();
        await agent.NextAsync();
        await agent.RenewAsync();
        await RefusedAsync(thief.RenewAsync);

        // Revoked once does not mean revoked now.
        Assert.Equal(NodeCertificateState.Valid, StateOf(host, "node-1", time));
        NodeRecord record = Assert.Single(host.CertifiedNodes.List());
        Assert.Equal(NodeCertificateState.Expired, record.StateAt(record.CertificateUntil!.Value));
    }

    [Fact]
    public async Task ANameThatNoCertificateWasMadeForIsRevokedByForceOnly()
    {
        await using Running running = await StartAsync();
        string state = running.Folder.File("state");
        Assert.Contains("no certificate is known", await CommandAsync(4, "node", "revoke", "nodex", "--state-dir", state), StringComparison.Ordinal);
        Assert.Empty(running.Host.CertifiedNodes.List());
        Assert.Contains("no certificate is known", await CommandAsync("node", "revoke", "nodex", "--force", "--state-dir", state), StringComparison.Ordinal);
        running.Host.Tokens.Create("node-9", Hour);
        Assert.Contains("join tokens voided: 1", await CommandAsync("node", "revoke", "node-9", "--state-dir", state), StringComparison.Ordinal);
        Assert.Equal(["node-9", "nodex"], running.Host.CertifiedNodes.List().Select(n => n.Node));
    }

    [Fact]
    public async Task ACertificateOfAnotherTrustDomainIsNoNodes()
    {
        await using Running running = await StartAsync();
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", await JoinAsync(running.Host, "node-1"));
        await agent.OpenAsync();
        await agent.NextAsync();
        running.Write("mesh.yaml", "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {trustDomain: example.org}\n");
        Assert.Contains("trust domain", (await RefusedAsync(async () =>
        {
            // What is under way when the domain changes may still come.
            while (true) await agent.NextAsync();
        })).Status.Detail, StringComparison.Ordinal);
        await RefusedAsync(agent.RenewAsync);
    }

    [Fact]
    public async Task AStreamEndsWhenItsCertificateDoes()
    {
        using var folder = new TempFolder();
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(folder) with { Time = time }, TestContext.Current.CancellationToken);
        SslClientIdentity identity = await JoinAsync(host, "node-1", time);
        using FakeAgent agent = FakeAgent.OverTls(host, "node-1", identity, time: time);
        await agent.OpenAsync();
        await agent.NextAsync();
        time.Advance(identity.Certificate.NotAfter.ToUniversalTime() - time.GetUtcNow().UtcDateTime + TimeSpan.FromSeconds(1));
        Assert.Contains("expired", (await RefusedAsync(agent.ReceiveAsync)).Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task AnAgentThatWasAwayUntilItsRootWasGoneComesBackByRenewalAndByNothingElse()
    {
        using var folder = new TempFolder();
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        folder.Write("objects/mesh.yaml", "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {certificate: {lifetime: 1h}}\n");
        var time = new ManualTime(DateTimeOffset.UtcNow);
        await using ControllerHost host = await ControllerHost.StartAsync(
            Running.Options(folder) with { Time = time, NodeRenewalGrace = 3 * Hour, RootActivationDelay = TimeSpan.FromMinutes(1) }, TestContext.Current.CancellationToken);
        ReadOnlyMemory<byte>[] known = [.. host.Authority.Roots];
        SslClientIdentity identity = await JoinAsync(host, "node-1", time), revoked = await JoinAsync(host, "node-2", time), late = await JoinAsync(host, "node-3", time);
        Assert.Matches("in the bundle, signs from", await CommandAsync("root", "rotate", "--state-dir", folder.File("state")));
        Assert.Equal(2, host.Authority.Roots.Length);
        for (int minutes = 0; host.Authority.Roots.Length == 2; minutes++)
        {
            Assert.True(minutes < 180, "the old root never leaves");
            time.Advance(TimeSpan.FromMinutes(1));
        }
        Assert.DoesNotContain(host.Authority.Roots, r => r.Span.SequenceEqual(known[0].Span));
        Assert.True(identity.Certificate.NotAfter.ToUniversalTime() < time.GetUtcNow().UtcDateTime);

        // It knows the old root alone, and has an expired certificate below it.
        using FakeAgent back = FakeAgent.OverTls(host, "node-1", identity, known, time);
        await back.OpenAsync();
        await RefusedAsync(back.ReceiveAsync);
        (byte[] csr, _) = FakeAgent.NewCsr();
        await RefusedAsync(async () => await back.Certificates.SignWorkloadAsync(new() { WorkloadUid = "shop/web", CsrDer = ByteString.CopyFrom(csr) }, back.Options));
        (SslClientIdentity renewed, IReadOnlyList<ReadOnlyMemory<byte>> roots) = await back.RenewAsync();
        using FakeAgent agent = FakeAgent.OverTls(host, "node-1", renewed, roots, time);
        await agent.OpenAsync();
        await agent.NextAsync();
        Assert.Equal(host.Authority.Roots.Select(r => r.ToArray()), agent.Snapshot.TrustBundle.Roots.Select(r => r.ToArray()));

        host.CertifiedNodes.Revoke("node-2");
        using FakeAgent thief = FakeAgent.OverTls(host, "node-2", revoked, known, time);
        await RefusedAsync(thief.RenewAsync);

        // Past the grace not even the handshake is done.
        time.Advance(3 * Hour);
        using FakeAgent tooLate = FakeAgent.OverTls(host, "node-3", late, [.. host.Authority.Roots], time);
        Assert.Equal(StatusCode.Unavailable, (await Assert.ThrowsAsync<RpcException>(tooLate.RenewAsync)).StatusCode);
    }

    [Fact]
    public async Task ARootIsNotReplacedTwiceAtOnce()
    {
        await using Running running = await StartAsync();
        string state = running.Folder.File("state");
        await CommandAsync("root", "rotate", "--state-dir", state);
        Assert.Contains("is new itself", await CommandAsync(1, "root", "rotate", "--state-dir", state), StringComparison.Ordinal);
        Assert.Matches("signs\n.*in the bundle, signs from", await CommandAsync("root", "list", "--state-dir", state));
    }

    [Fact]
    public async Task ARotationAskedForWhileNoControllerRunsIsDoneByTheNext()
    {
        using var folder = new TempFolder();
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        await (await ControllerHost.StartAsync(Running.Options(folder), TestContext.Current.CancellationToken)).DisposeAsync();
        Assert.Contains("as soon as", await CommandAsync("root", "rotate", "--state-dir", folder.File("state")), StringComparison.Ordinal);
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(folder), TestContext.Current.CancellationToken);
        Assert.Equal(2, host.Authority.Roots.Length);
    }

    [Fact]
    public async Task ARemovedRootIsTrustedByNobodyAndConnectedNodesRenewWithoutAToken()
    {
        await using Running running = await StartAsync();
        string state = running.Folder.File("state"), old = RootIds(running)[0];
        SslClientIdentity identity = await JoinAsync(running.Host, "node-1");
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", identity);
        await agent.OpenAsync();
        await agent.NextAsync();

        // What a thief of the key can make: a certificate of another node, which the controller has not signed.
        using ECDsa stolen = ECDsa.Create();
        stolen.ImportFromPem(await File.ReadAllTextAsync(Path.Combine(state, "ca", $"root-{old}.key.pem"), TestContext.Current.CancellationToken));
        SslClientIdentity forged = Forge(running.Host.Authority.Roots[0], stolen, "spiffe://cluster.local/culvert/node/node-1");

        Assert.Contains("`root rotate --now`", await CommandAsync(1, "root", "remove", old, "--state-dir", state), StringComparison.Ordinal);
        Assert.Contains("no such root", await CommandAsync(4, "root", "remove", "x", "--state-dir", state), StringComparison.Ordinal);
        await CommandAsync("root", "rotate", "--state-dir", state);
        Assert.Contains("has the new root, ", await CommandAsync(1, "root", "remove", old, "--state-dir", state), StringComparison.Ordinal);
        Assert.Matches("in the bundle until .*\n.* signs\n", await CommandAsync("root", "rotate", "--now", "--state-dir", state));
        Assert.Matches("removed; left the bundle .*\n.* signs\n", await CommandAsync("root", "remove", old, "--state-dir", state));

        Assert.Single(running.Host.Authority.Roots);
        Assert.Empty(Directory.GetFiles(Path.Combine(state, "ca"), $"root-{old}.key.pem"));
        Assert.Contains("removed", (await RefusedAsync(async () =>
        {
            // The bundles of the rotation and of the removal may come first.
            while (true) await agent.ReceiveAsync();
        })).Status.Detail, StringComparison.Ordinal);

        // As often as the answer gets lost.
        using FakeAgent again = FakeAgent.OverTls(running.Host, "node-1", identity);
        await again.RenewAsync();
        await again.RenewAsync();
        using FakeAgent renewed = FakeAgent.OverTls(running.Host, "node-1", (await again.RenewAsync()).Identity);
        await renewed.OpenAsync();
        await renewed.NextAsync();
        Assert.Single(renewed.Snapshot.TrustBundle.Roots);
        using FakeAgent thief = FakeAgent.OverTls(running.Host, "node-1", forged);
        await thief.OpenAsync();
        await RefusedAsync(thief.ReceiveAsync);
        Assert.Contains("join again with a token", (await RefusedAsync(thief.RenewAsync)).Status.Detail, StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARootIsNotRemovedWhileANodeWouldNeedATokenForItUnlessForced()
    {
        await using Running running = await StartAsync();
        string state = running.Folder.File("state"), old = RootIds(running)[0];
        running.Host.CertifiedNodes.NoteIssued("node-7", DateTimeOffset.UtcNow.AddMinutes(-1), DateTimeOffset.UtcNow + Hour);
        await CommandAsync("root", "rotate", "--now", "--state-dir", state);
        Assert.Contains("(node-7)", await CommandAsync(1, "root", "remove", old, "--state-dir", state), StringComparison.Ordinal);
        Assert.Equal(2, running.Host.Authority.Roots.Length);
        Assert.Contains("New join tokens are needed by: node-7", await CommandAsync("root", "remove", old, "--force", "--state-dir", state), StringComparison.Ordinal);
        Assert.Contains("removed before", await CommandAsync(1, "root", "remove", old, "--state-dir", state), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ARootPastItsTimeIsNotSaidToBeInTheBundle()
    {
        using var folder = new TempFolder();
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        await using (ControllerHost host = await ControllerHost.StartAsync(Running.Options(folder) with { Time = new ManualTime(DateTimeOffset.UtcNow.AddDays(-3)), RootActivationDelay = TimeSpan.FromSeconds(1) }, TestContext.Current.CancellationToken))
            await CommandAsync("root", "rotate", "--state-dir", folder.File("state"));
        Assert.Matches("past its time, .*\n.* signs\n", await CommandAsync("root", "list", "--state-dir", folder.File("state")));
    }

    /// <summary>The names of the roots, oldest first, of their files.</summary>
    private static string[] RootIds(Running running) =>
        [.. Directory.GetFiles(running.Folder.File("state/ca"), "root-*.key.pem").Select(f => Path.GetFileName(f)["root-".Length..^".key.pem".Length]).Order(StringComparer.Ordinal)];

    private static SslClientIdentity Forge(ReadOnlyMemory<byte> root, ECDsa rootKey, string identity)
    {
        using X509Certificate2 issuer = X509CertificateLoader.LoadCertificate(root.Span);
        var key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        var request = new CertificateRequest("", key, HashAlgorithmName.SHA256);
        var names = new SubjectAlternativeNameBuilder();
        names.AddUri(new Uri(identity));
        request.CertificateExtensions.Add(names.Build(critical: true));
        request.CertificateExtensions.Add(new X509EnhancedKeyUsageExtension([new Oid("1.3.6.1.5.5.7.3.2")], false));
        DateTimeOffset now = DateTimeOffset.UtcNow;
        using X509Certificate2 leaf = request.Create(issuer.SubjectName, X509SignatureGenerator.CreateForECDsa(rootKey), now.AddMinutes(-1), now.AddHours(1), [1, 2, 3, 4]);
        return new(leaf.CopyWithPrivateKey(key), []);
    }

    private static async Task<SslClientIdentity> JoinAsync(ControllerHost host, string node, TimeProvider? time = null)
    {
        using FakeAgent agent = FakeAgent.OverTls(host, node, time: time);
        return await agent.JoinAsync(host.Tokens.Create(node, Hour));
    }

    private static NodeCertificateState StateOf(ControllerHost host, string node, TimeProvider time) => host.CertifiedNodes.List().Single(n => n.Node == node).StateAt(time.GetUtcNow());

    private static async Task<RpcException> RefusedAsync(Func<Task> call)
    {
        RpcException e = await Assert.ThrowsAsync<RpcException>(call);
        Assert.True(e.StatusCode == StatusCode.Unauthenticated, e.ToString());
        return e;
    }

    private static Task<string> CommandAsync(params string[] args) => CommandAsync(0, args);

    private static async Task<string> CommandAsync(int code, params string[] args)
    {
        var start = new ProcessStartInfo(Path.Combine(AppContext.BaseDirectory, "culvert-controller"), args) { RedirectStandardError = true, RedirectStandardOutput = true };
        using Process process = Process.Start(start)!;
        using var timeout = new CancellationTokenSource(TimeSpan.FromSeconds(30));
        Task<string> error = process.StandardError.ReadToEndAsync(timeout.Token);
        string said = await process.StandardOutput.ReadToEndAsync(timeout.Token) + await error;
        await process.WaitForExitAsync(timeout.Token);
        Assert.True(code == process.ExitCode, $"exit code {process.ExitCode}: {said}");
        return said;
    }

    private static Task<Running> StartAsync() => Running.StartAsync(f => f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1") + Objects.Workload("api", "10.0.0.2", "node-2")));
}
