using Culvert.Controller.Identity;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Controller.Nodes;
using Culvert.Core;
using Culvert.Protocol.V1;
using Culvert.Tests.Shared;
using Grpc.Core;

namespace Culvert.Controller.Tests;

public sealed class SnapshotStreamTests
{
    [Fact]
    public async Task FirstTheWorldThenOnlyWhatChanged()
    {
        await using Running running = await TwoWorkloadsAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync();
        Assert.True((await agent.NextAsync()).Full);
        Assert.Equal(["shop/api", "shop/web"], agent.Snapshot.Workloads.Keys.Order(StringComparer.Ordinal));
        Assert.Equal(running.Host.SnapshotFor("node-1").Workloads["shop/web"], agent.Snapshot.Workloads["shop/web"]);
        Assert.Equal(running.Host.Authority.Roots[0].ToArray(), agent.Snapshot.TrustBundle.Roots[0].ToArray());

        running.Write("web.yaml", Objects.Workload("web", "10.0.0.7"));
        SnapshotResponse changed = await agent.NextAsync();
        Assert.Equal((false, "shop/web", 0), (changed.Full, Assert.Single(changed.Upserts).Workload.Uid, changed.Removals.Count));
        Assert.Equal("10.0.0.7", agent.Snapshot.Workloads["shop/web"].Addresses[0].ToString());

        File.Delete(running.Folder.File("objects/api.yaml"));
        SnapshotResponse removed = await agent.NextAsync();
        Assert.Equal([(ResourceKind.Workload, "shop/api")], removed.Removals.Select(r => (r.Kind, r.Name)));
        Assert.Empty(removed.Upserts);
        await running.StatusAsync("node-1", s => s.Connected && s.AckedVersion == removed.Version && s.SentVersion == removed.Version);
    }

    [Fact]
    public async Task BesideOtherControllersAStreamEndsInOrderAfterAWhileAndTheAgentGoesOnWhereItWas()
    {
        ManualTime time = new(TimeProvider.System.GetUtcNow());
        using TempFolder folder = new();
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(folder) with { Time = time, LongestStream = TimeSpan.FromMinutes(30) }, TestContext.Current.CancellationToken);
        using FakeAgent agent = FakeAgent.OverSocket(folder.File("c.sock"), "node-1");
        await agent.OpenAsync();
        await agent.NextAsync();
        time.Advance(TimeSpan.FromMinutes(23));
        Assert.True(host.Nodes.Single().Connected);
        time.Advance(TimeSpan.FromMinutes(7));
        InvalidOperationException ended = await Assert.ThrowsAsync<InvalidOperationException>(agent.ReceiveAsync);
        Assert.Equal("The stream has ended.", ended.Message);
        Assert.False((await GoOnAsync()).Full);

        // The server ends the connection as well: a stream that begins on it before the client hears of that is lost, and agents begin another.
        async Task<SnapshotResponse> GoOnAsync()
        {
            try
            {
                await agent.OpenAsync();
                return await agent.NextAsync();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
            {
                await agent.OpenAsync();
                return await agent.NextAsync();
            }
        }
    }

    [Fact]
    public async Task PoliciesGoOnlyToNodesWithSelectedWorkloads()
    {
        await using Running running = await TwoWorkloadsAsync();
        using FakeAgent one = FakeAgent.OverSocket(running.Socket, "node-1"), two = FakeAgent.OverSocket(running.Socket, "node-2");
        await one.OpenAsync();
        await two.OpenAsync();
        await one.NextAsync();
        await two.NextAsync();
        running.Write("p.yaml", Objects.Policy("for-web", "web"));
        await one.NextAsync();
        Assert.Equal([new NamespacedName("shop", "for-web")], one.Snapshot.Policies.Keys);
        Assert.Equal([new NamespacedName("shop", "for-web")], one.Snapshot.Workloads["shop/web"].PolicyNames);
        // The other node hears of the next change only, and then of nothing else.
        running.Write("api.yaml", Objects.Workload("api", "10.0.0.9", "node-2"));
        SnapshotResponse response = await two.NextAsync();
        Assert.Equal("shop/api", Assert.Single(response.Upserts).Workload.Uid);
        Assert.Empty(two.Snapshot.Policies);
    }

    [Fact]
    public async Task ChangesDuringAnUnansweredResponseGoOutTogether()
    {
        await using Running running = await TwoWorkloadsAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync();
        SnapshotResponse full = await agent.ReceiveAsync();
        ulong version = running.Host.Version;
        for (int i = 0; i < 5; i++)
        {
            running.Write($"w{i}.yaml", Objects.Workload($"w{i}", $"10.0.1.{i}"));
            await WaitForVersionAsync(running, ++version);
        }
        await agent.SendAsync(new() { Ack = new() { Version = full.Version } });
        SnapshotResponse delta = await agent.ReceiveAsync();
        Assert.Equal((5, full.Version, version), (delta.Upserts.Count, delta.BaseVersion, delta.Version));
    }

    [Fact]
    public async Task RefusedVersionIsNotPartOfTheHistory()
    {
        await using Running running = await TwoWorkloadsAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync();
        SnapshotResponse full = await agent.NextAsync();
        running.Write("web.yaml", Objects.Workload("web", "10.0.0.7"));
        SnapshotResponse refused = await agent.ReceiveAsync();
        await agent.SendAsync(new() { Nack = new() { Version = refused.Version, Reason = "no room", Resource = new() { Kind = ResourceKind.Workload, Name = "shop/web" } } });
        NodeStatus status = await running.StatusAsync("node-1", s => s.NackedVersion == refused.Version);
        Assert.Equal(("no room", "Workload shop/web", full.Version), (status.NackReason, status.NackResource, status.AckedVersion));

        running.Write("api.yaml", Objects.Workload("api", "10.0.0.8", "node-2"));
        SnapshotResponse next = await agent.NextAsync();
        Assert.Equal((full.Version, 2), (next.BaseVersion, next.Upserts.Count));
        Assert.Equal("", (await running.StatusAsync("node-1", s => s.AckedVersion == next.Version)).NackReason);
    }

    [Fact]
    public async Task RefusedVersionIsSentAgainWithoutAnyChange()
    {
        await using Running running = await TwoWorkloadsAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync();
        SnapshotResponse full = await agent.NextAsync();
        running.Write("web.yaml", Objects.Workload("web", "10.0.0.7"));
        for (int attempt = 0; attempt < 2; attempt++)
        {
            SnapshotResponse refused = await agent.ReceiveAsync();
            Assert.Equal((full.Version, "shop/web"), (refused.BaseVersion, Assert.Single(refused.Upserts).Workload.Uid));
            await agent.SendAsync(new() { Nack = new() { Version = refused.Version, Reason = "no room" } });
        }
        SnapshotResponse taken = await agent.NextAsync();
        Assert.Equal("10.0.0.7", agent.Snapshot.Workloads["shop/web"].Addresses[0].ToString());
        Assert.Equal(0UL, (await running.StatusAsync("node-1", s => s.AckedVersion == taken.Version)).NackedVersion);
    }

    [Fact]
    public async Task AgentThatComesBackGetsTheDifferenceOnly()
    {
        await using Running running = await TwoWorkloadsAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync();
        await agent.NextAsync();
        await running.StatusAsync("node-1", s => s.AckedVersion > 0);
        await agent.OpenAsync();
        SnapshotResponse nothing = await agent.NextAsync();
        Assert.Equal((false, 0), (nothing.Full, nothing.Upserts.Count));

        running.Write("web.yaml", Objects.Workload("web", "10.0.0.7"));
        await WaitForVersionAsync(running, running.Host.Version + 1);
        await agent.OpenAsync();
        Assert.Equal("shop/web", Assert.Single((await agent.NextAsync()).Upserts).Workload.Uid);
    }

    [Fact]
    public async Task AgentOfAnotherControllerProcessGetsTheWorld()
    {
        using var folder = new TempFolder();
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        FakeAgent agent = FakeAgent.OverSocket(folder.File("c.sock"), "node-1");
        await using (await ControllerHost.StartAsync(Running.Options(folder), TestContext.Current.CancellationToken))
        {
            await agent.OpenAsync();
            await agent.NextAsync();
        }
        await using ControllerHost second = await ControllerHost.StartAsync(Running.Options(folder), TestContext.Current.CancellationToken);
        Assert.True((await FirstAsync(agent)).Full);
        agent.Dispose();
    }

    [Fact]
    public async Task NothingIsSentBeforeTheFolderWasRead()
    {
        await using Running running = await Running.StartAsync(f => Directory.Delete(f.File("objects")));
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync();
        await running.StatusAsync("node-1", s => s.Connected);
        Task<SnapshotResponse> first = agent.NextAsync();
        (byte[] csr, _) = FakeAgent.NewCsr();
        RpcException e = await Assert.ThrowsAsync<RpcException>(async () => await agent.Certificates.RenewNodeAsync(new() { CsrDer = Google.Protobuf.ByteString.CopyFrom(csr) }, agent.Options));
        Assert.Equal(StatusCode.Unavailable, e.StatusCode);
        Assert.False(first.IsCompleted);
        Assert.Equal(0UL, running.Host.Version);
        running.Write("web.yaml", Objects.Workload("web", "10.0.0.1"));
        Assert.Equal((true, 1UL), ((await first).Full, running.Host.Version));
        Assert.Equal(["shop/web"], agent.Snapshot.Workloads.Keys);
    }

    [Fact]
    public async Task NodeMayNotAskForAnothersSnapshot()
    {
        await using Running running = await TwoWorkloadsAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync("node-2");
        RpcException e = await Assert.ThrowsAsync<RpcException>(agent.ReceiveAsync);
        Assert.Equal(StatusCode.PermissionDenied, e.StatusCode);
    }

    [Fact]
    public async Task OutOfTurnMessagesEndTheStream()
    {
        await using Running running = await TwoWorkloadsAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync();
        SnapshotResponse full = await agent.ReceiveAsync();
        await agent.SendAsync(new() { Ack = new() { Version = full.Version + 5 } });
        Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(agent.ReceiveAsync)).StatusCode);
        await running.StatusAsync("node-1", s => !s.Connected);
    }

    [Fact]
    public async Task NewRootReachesAgentsBeforeItSigns()
    {
        await using Running running = await TwoWorkloadsAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync();
        await agent.NextAsync();
        await Assert.IsType<BuiltInCertificateAuthority>(running.Host.Authority).RotateRootAsync(signNow: false, TestContext.Current.CancellationToken);
        SnapshotResponse response = await agent.NextAsync();
        Assert.Equal(2, Assert.Single(response.Upserts).TrustBundle.Roots.Count);
        Assert.Equal(2, agent.Snapshot.TrustBundle.Roots.Length);
        Assert.Equal(2, File.ReadAllText(running.Folder.File("state/roots.pem")).Split("BEGIN CERTIFICATE").Length - 1);
    }

    [Fact]
    public async Task AgentThatWasAwayWhileTheRootWasReplacedComesBack()
    {
        using var folder = new TempFolder();
        Directory.CreateDirectory(folder.File("objects"));
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(folder) with { RootActivationDelay = TimeSpan.Zero }, TestContext.Current.CancellationToken);
        ReadOnlyMemory<byte>[] known = [.. host.Authority.Roots];
        Culvert.Protocol.SslClientIdentity identity;
        using (FakeAgent before = FakeAgent.OverTls(host, "node-1", roots: known)) identity = await before.JoinAsync(host.Tokens.Create("node-1", TimeSpan.FromHours(1)));
        await Assert.IsType<BuiltInCertificateAuthority>(host.Authority).RotateRootAsync(signNow: false, TestContext.Current.CancellationToken);
        using FakeAgent back = FakeAgent.OverTls(host, "node-1", identity, known);
        await back.OpenAsync();
        await back.NextAsync();
        Assert.Equal(2, back.Snapshot.TrustBundle.Roots.Length);
    }

    [Fact]
    public async Task NewTrustDomainReplacesBundleAndIdentities()
    {
        await using Running running = await TwoWorkloadsAsync();
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
        await agent.OpenAsync();
        await agent.NextAsync();
        running.Write("mesh.yaml", "apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {name: default}\nspec: {trustDomain: example.org}\n");
        await agent.NextAsync();
        Assert.Equal(("example.org", 1), (agent.Snapshot.TrustBundle.TrustDomain, agent.Snapshot.TrustBundle.Roots.Length));
        Assert.All(agent.Snapshot.Workloads.Values, w => Assert.Equal("example.org", w.Identity.TrustDomain));
    }

    [Fact]
    public async Task FiftyAgentsFollowAThousandWorkloads()
    {
        await using Running running = await Running.StartAsync(f => f.Write("objects/all.yaml", string.Concat(
            Enumerable.Range(0, 1000).Select(i => Objects.Workload($"w{i}", $"10.1.{i / 250}.{(i % 250) + 1}", $"node-{i % 50}")))));
        FakeAgent[] agents = [.. Enumerable.Range(0, 50).Select(i => FakeAgent.OverSocket(running.Socket, $"node-{i}"))];
        await Task.WhenAll(agents.Select(async a =>
        {
            await a.OpenAsync();
            await a.NextAsync();
        }));
        Assert.All(agents, a => Assert.Equal(1000, a.Snapshot.Workloads.Count));
        running.Write("more.yaml", Objects.Workload("more", "10.2.0.1"));
        SnapshotResponse[] deltas = await Task.WhenAll(agents.Select(a => a.NextAsync()));
        Assert.All(deltas, d => Assert.InRange(d.Upserts.Count, 1, 1));
        foreach (FakeAgent agent in agents) agent.Dispose();
    }

    /// <summary>What the controller says first. A call that has begun on the connection to one before it, whose end was not known yet, is made again.</summary>
    private static async Task<SnapshotResponse> FirstAsync(FakeAgent agent)
    {
        while (true)
        {
            await agent.OpenAsync();
            try
            {
                return await agent.NextAsync();
            }
            catch (RpcException e) when (e.StatusCode == StatusCode.Unavailable)
            {
                // Until the agent's time is up, which ends the call in another way.
            }
        }
    }

    private static Task<Running> TwoWorkloadsAsync() => Running.StartAsync(f =>
    {
        f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        f.Write("objects/api.yaml", Objects.Workload("api", "10.0.0.2", "node-2"));

        // Both nodes have joined before, or there would be warnings as well that change when one does.
        NodeStore nodes = new(ControllerHost.NodeFolder(f.File("state")), TimeProvider.System);
        foreach (string node in new[] { "node-1", "node-2" }) nodes.NoteIssued(node, DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
    });

    private static async Task WaitForVersionAsync(Running running, ulong version)
    {
        var reached = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        void Check()
        {
            if (running.Host.Version >= version) reached.TrySetResult();
        }
        running.Host.VersionChanged += Check;
        Check();
        await reached.Task.WaitAsync(TimeSpan.FromSeconds(20));
        running.Host.VersionChanged -= Check;
    }
}
