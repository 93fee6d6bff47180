using System.Security.Cryptography;
using Culvert.Controller.Identity.Spire.Entries;
using Culvert.Core;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Culvert.Tests.Shared.Spire;
using Google.Protobuf;
using Grpc.Core;

namespace Culvert.Controller.Tests.Identity.Spire;

/// <summary>A whole controller whose certificates a SPIRE server signs.</summary>
public sealed class SpireControllerTests
{
    private const string Mesh = """
        apiVersion: culvert.dev/v1alpha1
        kind: MeshConfig
        metadata:
          name: default
        spec:
          trustDomain: demo.culvert
        """;

    [Fact]
    public async Task ANodeJoinsOverTlsByTheNameThatItIsToldAndWithTheSameToken()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using Running running = await StartAsync(spire);
        using FakeAgent stranger = FakeAgent.OverTls(running.Host, "node-1");
        string token = running.Host.Tokens.Create("node-1", TimeSpan.FromHours(1));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        JoinNodeRequest request = new() { Token = token, Node = "node-1", CsrDer = ByteString.CopyFrom(CsrIdentity.Create(key, null)) };

        RpcException refusal = await Assert.ThrowsAsync<RpcException>(async () => await stranger.Certificates.JoinNodeAsync(request, stranger.Options));
        SpiffeId? named = CsrIdentity.ToName(refusal);
        Assert.Equal(SpiffeId.ForNode(StandInSpire.TrustDomain, "node-1"), named);
        request.CsrDer = ByteString.CopyFrom(CsrIdentity.Create(key, named));
        CertificateResponse joined = await stranger.Certificates.JoinNodeAsync(request, stranger.Options);

        // Now as that node, for a workload of its own.
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", FakeAgent.Identity(joined, key));
        SpiffeId web = SpiffeId.ForServiceAccount(StandInSpire.TrustDomain, "shop", "web");
        CertificateResponse signed = await agent.Certificates.SignWorkloadAsync(new() { WorkloadUid = "shop/web", CsrDer = ByteString.CopyFrom(CsrIdentity.Create(key, web)) }, agent.Options);
        Assert.Equal(web.ToString(), signed.Identity);
        Assert.Equal(spire.Roots[0].RawData, signed.RootsDer[0].ToByteArray());
    }

    [Fact]
    public async Task ATokenIsNotUsedUpWhileTheServerDoesNotSign()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using Running running = await StartAsync(spire);
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1");
        string token = running.Host.Tokens.Create("node-1", TimeSpan.FromHours(1));
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] csr = CsrIdentity.Create(key, SpiffeId.ForNode(StandInSpire.TrustDomain, "node-1"));
        JoinNodeRequest request = new() { Token = token, Node = "node-1", CsrDer = ByteString.CopyFrom(csr) };

        // Another connection needs no other certificate of the controller.
        spire.Fault = _ => new Status(StatusCode.Unavailable, "gone");
        RpcException refusal = await Assert.ThrowsAsync<RpcException>(async () => await agent.Certificates.JoinNodeAsync(request, agent.Options));
        Assert.Equal(StatusCode.Unavailable, refusal.StatusCode);
        spire.Fault = _ => null;
        await agent.Certificates.JoinNodeAsync(request, agent.Options);
        RpcException again = await Assert.ThrowsAsync<RpcException>(async () => await agent.Certificates.JoinNodeAsync(request, agent.Options));
        Assert.Equal(StatusCode.PermissionDenied, again.StatusCode);
    }

    [Fact]
    [Trait("Category", "Attack")]
    public async Task WhatIsSignedWhileTheNodeIsRevokedIsNotGivenOut()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using Running running = await StartAsync(spire);
        using ECDsa key = ECDsa.Create(ECCurve.NamedCurves.nistP256);
        byte[] csr = CsrIdentity.Create(key, SpiffeId.ForNode(StandInSpire.TrustDomain, "node-1"));
        using FakeAgent stranger = FakeAgent.OverTls(running.Host, "node-1");
        JoinNodeRequest request = new() { Token = running.Host.Tokens.Create("node-1", TimeSpan.FromHours(1)), Node = "node-1", CsrDer = ByteString.CopyFrom(csr) };
        using FakeAgent thief = FakeAgent.OverTls(running.Host, "node-1", FakeAgent.Identity(await stranger.Certificates.JoinNodeAsync(request, stranger.Options), key));

        int before = spire.MostSigning;
        TaskCompletionSource release = new(TaskCreationOptions.RunContinuationsAsynchronously);
        spire.Hold = release.Task;
        Task<CertificateResponse>[] renewing = [.. Enumerable.Range(0, before + 1).Select(_ => thief.Certificates.RenewNodeAsync(new() { CsrDer = ByteString.CopyFrom(csr) }, thief.Options).ResponseAsync)];
        await Soon.Holds("the server signs", () => spire.MostSigning > before);
        running.Host.CertifiedNodes.Revoke("node-1");
        release.SetResult();
        foreach (Task<CertificateResponse> renewal in renewing)
        {
            RpcException refusal = await Assert.ThrowsAsync<RpcException>(() => renewal);
            Assert.Equal(StatusCode.Unauthenticated, refusal.StatusCode);
        }
    }

    [Fact]
    public async Task AServerThatHangsKeepsNoAgentOut()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using Running running = await StartAsync(spire);
        int changes = running.Host.Authority.Roots.Length;
        TaskCompletionSource never = new(TaskCreationOptions.RunContinuationsAsynchronously);
        spire.Hold = never.Task;

        // The controller's own certificate is to be made anew.
        spire.Prepare();
        await Soon.Holds("the other root is there", () => running.Host.Authority.Roots.Length > changes);
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1");
        await Soon.Holds("a handshake comes to its end, and the call to its answer", async () =>
        {
            RpcException refusal = await Assert.ThrowsAsync<RpcException>(async () => await agent.Certificates.JoinNodeAsync(new() { Node = "node-1", Token = "none" }, agent.Options));
            return refusal.StatusCode == StatusCode.PermissionDenied;
        });
        never.SetResult();
    }

    [Fact]
    public async Task RootsOfAnotherTrustDomainAreNotTheMeshs()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        await using Running running = await StartAsync(spire);
        ulong version = running.Host.Version;
        running.Write("mesh.yaml", Mesh.Replace("demo.culvert", "elsewhere", StringComparison.Ordinal));
        running.Write("other.yaml", Objects.Workload("other", "10.0.0.2"));
        TaskCompletionSource read = new(TaskCreationOptions.RunContinuationsAsynchronously);
        running.Host.ObjectsChanged += () => read.TrySetResult();
        await read.Task.WaitAsync(TimeSpan.FromSeconds(20), TestContext.Current.CancellationToken);
        running.Write("mesh.yaml", Mesh);
        await Soon.Holds("what is of the same trust domain is published", () => running.Host.SnapshotFor("node-1").Workloads.ContainsKey("shop/other"));
        Assert.All(running.Host.SnapshotFor("node-1").Workloads.Values, w => Assert.Equal(StandInSpire.TrustDomain, w.Identity.TrustDomain));
        Assert.True(running.Host.Version > version);
    }

    [Fact]
    public async Task EntriesAreThereForWhatAFolderHasAndGoWithIt()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        SpireEntryOptions entries = Kept.SomeOptions() with { Gathering = TimeSpan.FromMilliseconds(10), Linger = TimeSpan.FromMilliseconds(10), FirstRetry = TimeSpan.FromMilliseconds(10) };
        await using Running running = await StartAsync(spire, o => o with { SpireEntries = entries });
        running.Write("node.yaml", "apiVersion: v1\nkind: Node\nmetadata: {name: node-1, uid: 0123-4567}\n");
        await Soon.Holds("the entry of web is there", () => spire.Entries.All.Count == 1);
        Assert.Equal("/ns/shop/sa/web /spire/agent/k8s_psat/c/0123-4567", $"{spire.Entries.All[0].SpiffeId.Path} {spire.Entries.All[0].ParentId.Path}");
        running.Write("other.yaml", Objects.Workload("other", "10.0.0.2"));
        await Soon.Holds("the entry of other is there", () => spire.Entries.All.Count == 2);
        File.Delete(running.Folder.File("objects/web.yaml"));
        await Soon.Holds("the entry of web has gone", () => spire.Entries.All.Count == 1);
        Assert.Equal("/ns/shop/sa/other", spire.Entries.All[0].SpiffeId.Path);
    }

    [Fact]
    public async Task AParentOfAnotherTrustDomainThanTheServersIsRefusedAtTheStart()
    {
        await using StandInSpire spire = await StandInSpire.StartAsync();
        ArgumentException refusal = await Assert.ThrowsAsync<ArgumentException>(() => StartAsync(spire, o => o with { SpireEntries = Kept.SomeOptions() with { TrustDomain = "elsewhere" } }));
        Assert.Equal("--spire-entry-parent is of the trust domain elsewhere, and the SPIRE server is of demo.culvert", refusal.Message);
    }

    private static async Task<Running> StartAsync(StandInSpire spire, Func<ControllerOptions, ControllerOptions>? change = null)
    {
        Assert.True(SpiffeEndpoint.TryParse("unix://" + spire.ServerSocket, out SpiffeEndpoint? socket, out string? error), error);
        Running running = await Running.StartAsync(
            folder =>
            {
                folder.Write("objects/mesh.yaml", Mesh);
                folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
            },
            options => (change ?? (o => o))(options with { Spire = new() { Socket = socket, BundleInterval = TimeSpan.FromMilliseconds(50) } }));

        // The handshake of the first one makes the controller's own certificate.
        using FakeAgent first = FakeAgent.OverTls(running.Host, "node-0");
        await Assert.ThrowsAsync<RpcException>(async () => await first.Certificates.JoinNodeAsync(new() { Node = "node-0" }, first.Options));
        return running;
    }
}
