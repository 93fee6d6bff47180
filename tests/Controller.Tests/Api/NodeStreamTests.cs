using System.Collections.Concurrent;
using System.Net.Sockets;
using Culvert.Controller.Nodes;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Culvert.Tests.Shared;
using Google.Protobuf;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests;

/// <summary>Streams and calls of one node: how many there are at a time, and what is kept for those who do not read.</summary>
[Trait("Category", "Attack")]
public sealed class NodeStreamTests
{
    private const string StreamMethod = "/culvert.v1.SnapshotService/Stream";
    private static readonly TimeSpan Patience = TimeSpan.FromSeconds(90);

    [Fact(Timeout = 120_000)]
    public async Task StreamsOfOneNodeThatAreNotReadEndButTheNewest()
    {
        const int connections = 4, streams = 30;
        await using Running running = await LargeAsync();
        List<ClosedWindowClient> clients = [];
        List<Task<int?>> calls = [];
        try
        {
            for (int c = 0; c < connections; c++)
            {
                clients.Add(await ConnectAsync(running, StreamMethod));
                for (int s = 0; s < streams; s++) calls.Add(clients[c].CallAsync(Hello()));
            }

            // Others are served meanwhile.
            using FakeAgent other = FakeAgent.OverSocket(running.Socket, "node-2");
            await other.OpenAsync();
            Assert.True((await other.NextAsync()).Full);

            // Each ends but one, long before its time for writing is over; then the node's own agent comes, and that one ends, too.
            HashSet<Task<int?>> left = [.. calls];
            while (left.Count > 1) left.Remove(await Task.WhenAny(left).WaitAsync(TimeSpan.FromSeconds(25)));
            using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1");
            await agent.OpenAsync();
            Assert.True((await agent.NextAsync()).Full);
            await Task.WhenAll(calls).WaitAsync(TimeSpan.FromSeconds(25));
        }
        finally
        {
            foreach (ClosedWindowClient client in clients) await client.DisposeAsync();
        }
    }

    [Fact(Timeout = 120_000)]
    public async Task AStreamThatIsNotReadEndsWhenItsTimeIsOver()
    {
        await using Running running = await LargeAsync();
        using FakeAgent silent = FakeAgent.OverSocket(running.Socket, "node-2");
        await silent.OpenAsync();
        await silent.NextAsync();
        await using ClosedWindowClient client = await ConnectAsync(running, StreamMethod);
        try
        {
            Assert.NotNull(await client.CallAsync(Hello()).WaitAsync(Patience));
        }
        catch (IOException)
        {
            // The connection is closed: the same to the one, and to the memory.
        }
        await running.StatusAsync("node-1", s => !s.Connected && s.SentVersion > 0);

        // One that had nothing to read for as long goes on.
        running.Write("more.yaml", Objects.Workload("more", "10.2.0.1"));
        Assert.Equal("shop/more", Assert.Single((await silent.NextAsync()).Upserts).Workload.Uid);
    }

    [Fact(Timeout = 60_000)]
    public async Task ANewerStreamReplacesTheOlderOneAndTheLogTellsOfTwoAgents()
    {
        ConcurrentQueue<string> lines = new();
        using var folder = new TempFolder();
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        using ILoggerFactory loggers = LoggerFactory.Create(b => b.AddProvider(new LineLogger(lines)));
        await using ControllerHost host = await ControllerHost.StartAsync(Running.Options(folder) with { LoggerFactory = loggers }, TestContext.Current.CancellationToken);
        using FakeAgent first = FakeAgent.OverSocket(folder.File("c.sock"), "node-1", "first"), second = FakeAgent.OverSocket(folder.File("c.sock"), "node-1", "second");
        await first.OpenAsync();
        await first.NextAsync();
        await second.OpenAsync();
        await second.NextAsync();

        RpcException e = await Assert.ThrowsAsync<RpcException>(first.ReceiveAsync);
        Assert.Equal((StatusCode.Aborted, "replaced by a newer stream of this node"), (e.StatusCode, e.Status.Detail));
        Assert.Equal(TimeSpan.FromSeconds(10), RetryPushback.Of(e));
        Assert.Contains("(second)", Assert.Single(lines, l => l.Contains("(first)", StringComparison.Ordinal)), StringComparison.Ordinal);

        // The end of the older one does not count for the newer.
        NodeStatus status = Assert.Single(host.Nodes);
        Assert.Equal((true, "second"), (status.Connected, status.Instance));
        folder.Write("objects/more.yaml", Objects.Workload("more", "10.2.0.1"));
        while (!second.Snapshot.Workloads.ContainsKey("shop/more")) await second.NextAsync();
    }

    [Fact(Timeout = 60_000)]
    public async Task AnAgentThatHasReplacedItsOwnStreamNeedNotWait()
    {
        // The stream of a connection that was given up can come in after that of the next one.
        await using Running running = await Running.StartAsync(f => f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1")));
        using FakeAgent newer = FakeAgent.OverSocket(running.Socket, "node-1"), older = FakeAgent.OverSocket(running.Socket, "node-1");
        await newer.OpenAsync();
        await newer.NextAsync();
        await older.OpenAsync();

        RpcException e = await Assert.ThrowsAsync<RpcException>(newer.ReceiveAsync);
        Assert.Equal((StatusCode.Aborted, TimeSpan.Zero), (e.StatusCode, RetryPushback.Of(e)));
    }

    [Theory(Timeout = 60_000)]
    [InlineData("one\nwarn: another line of the log")]
    [InlineData(null)]
    public async Task WhatIsToldInTheLogIsALineOfText(string? instance)
    {
        await using Running running = await Running.StartAsync(f => f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1")));
        using FakeAgent agent = FakeAgent.OverSocket(running.Socket, "node-1", instance ?? new string('a', 129));
        await agent.OpenAsync();

        RpcException e = await Assert.ThrowsAsync<RpcException>(agent.ReceiveAsync);
        Assert.Equal(StatusCode.InvalidArgument, e.StatusCode);
        Assert.Empty(running.Host.Nodes);
    }

    [Fact(Timeout = 60_000)]
    public async Task AnAgentThatConnectsAgainAndAgainIsServed()
    {
        await using Running running = await LargeAsync();
        List<FakeAgent> agents = [];
        try
        {
            List<Task> ends = [];
            for (int i = 0; i < 20; i++)
            {
                agents.Add(FakeAgent.OverSocket(running.Socket, "node-1"));
                await agents[i].OpenAsync();
                ends.Add(EndAsync(agents[i]));
            }

            // In whatever order the controller has heard of them.
            using FakeAgent last = FakeAgent.OverSocket(running.Socket, "node-1");
            while (ends.Count > 1) ends.Remove(await Task.WhenAny(ends));
            await last.OpenAsync();
            Assert.True((await last.NextAsync()).Full);
            await Task.WhenAll(ends);
            await running.StatusAsync("node-1", s => s.Connected && s.AckedVersion > 0);
        }
        finally
        {
            foreach (FakeAgent agent in agents) agent.Dispose();
        }

        // Some may have got the snapshot before they were replaced, and one that was on its way then is cut off by a reset of its stream.
        static async Task EndAsync(FakeAgent agent)
        {
            RpcException e = await Assert.ThrowsAsync<RpcException>(async () =>
            {
                while (true) await agent.ReceiveAsync();
            });
            Assert.DoesNotContain("cancelled by its reader", e.Status.Detail, StringComparison.Ordinal); // out of patience
        }
    }

    [Fact(Timeout = 60_000)]
    public async Task AnAgentOfManyWorkloadsHasAllSignedAtOnce()
    {
        await using Running running = await LargeAsync();
        using FakeAgent joining = FakeAgent.OverTls(running.Host, "node-1");
        using FakeAgent agent = FakeAgent.OverTls(running.Host, "node-1", await joining.JoinAsync(running.Host.Tokens.Create("node-1", TimeSpan.FromHours(1))));
        await agent.OpenAsync();
        await agent.NextAsync();
        await Task.WhenAll(Enumerable.Range(0, 250).Select(_ => agent.RenewAsync()));
    }

    private static byte[] Hello() => new SnapshotRequest { Hello = new() { Node = "node-1", Instance = "stuck", AgentVersion = "test" } }.ToByteArray();

    private static Task<ClosedWindowClient> ConnectAsync(Running running, string method) =>
        ClosedWindowClient.ConnectAsync(new UnixDomainSocketEndPoint(running.Socket), method, (NodeHeader.Name, "node-1"));

    /// <summary>A snapshot that is longer than what the server buffers of a response.</summary>
    private static Task<Running> LargeAsync() => Running.StartAsync(f =>
    {
        f.Write("objects/all.yaml", string.Concat(Enumerable.Range(0, 2000).Select(i => Objects.Workload($"w{i}", $"10.1.{i / 250}.{(i % 250) + 1}"))));

        // Both nodes have joined before, or there would be warnings as well that change when one does.
        NodeStore nodes = new(ControllerHost.NodeFolder(f.File("state")), TimeProvider.System);
        foreach (string node in new[] { "node-1", "node-2" }) nodes.NoteIssued(node, DateTimeOffset.UtcNow, DateTimeOffset.UtcNow.AddDays(1));
    });
}
