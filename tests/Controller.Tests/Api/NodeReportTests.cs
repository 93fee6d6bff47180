using System.Collections.Concurrent;
using Culvert.Protocol;
using Culvert.Protocol.V1;
using Culvert.Tests.Shared;
using Grpc.Core;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests;

/// <summary>Workloads that their nodes can't capture leave the mesh for all, and come back.</summary>
public sealed class NodeReportTests
{
    [Fact]
    public async Task WhatANodeCantCaptureIsOutsideTheMeshForAll()
    {
        await using Running running = await TwoNodesAsync();
        using FakeAgent here = FakeAgent.OverSocket(running.Socket, "node-1"), there = FakeAgent.OverSocket(running.Socket, "node-2");
        foreach (FakeAgent agent in new[] { here, there })
        {
            await agent.OpenAsync();
            await agent.NextAsync();
        }

        await here.ReportAsync("shop/web");
        foreach ((FakeAgent agent, bool isItsOwn) in new[] { (here, true), (there, false) })
        {
            await agent.NextAsync();
            Assert.Equal((false, isItsOwn), Enrolment(agent, "shop/web"));
            Assert.Equal((true, false), Enrolment(agent, "shop/api"));
        }
        Assert.Empty(here.Snapshot.LocalWorkloads());
        Assert.Equal("shop/web", Assert.Single(here.Snapshot.RefusedWorkloads()).Uid);

        // Who moves to a node that can is in the mesh again.
        running.Write("web.yaml", Objects.Workload("web", "10.0.0.1", "node-2"));
        await there.NextAsync();
        Assert.Equal((true, false), Enrolment(there, "shop/web"));
        running.Write("web.yaml", Objects.Workload("web", "10.0.0.1"));
        await there.NextAsync();
        Assert.Equal((false, false), Enrolment(there, "shop/web"));
    }

    [Fact]
    public async Task What_a_node_sends_is_no_fact_of_another_node_and_no_escape_sequence_of_the_log()
    {
        ConcurrentQueue<string> lines = [];
        using ILoggerFactory log = LoggerFactory.Create(l => l.AddProvider(new LineLogger(lines, LogLevel.Information)));
        await using Running running = await Running.StartAsync(
            f => f.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1")), o => o with { LoggerFactory = log });
        using FakeAgent other = FakeAgent.OverSocket(running.Socket, "node-2");
        await other.ReportAsync("shop/web", "shop/nobody");
        Assert.DoesNotContain(lines, l => l.Contains("shop/web", StringComparison.Ordinal));
        Assert.Contains(lines, l => l.Contains("shop/nobody", StringComparison.Ordinal));

        RpcException refused = await Assert.ThrowsAsync<RpcException>(async () => await other.Certificates.SignWorkloadAsync(new() { WorkloadUid = "\u001b[2J\n" + new string('x', 5000) }, other.Options));
        Assert.Equal(StatusCode.PermissionDenied, refused.StatusCode);
        Assert.DoesNotContain(lines, l => l.Any(char.IsControl));
        Assert.Contains(lines, l => l.Contains("[2J", StringComparison.Ordinal) && l.Length < 2000);
    }

    [Fact]
    public async Task ANodeSpeaksOfItsOwnWorkloadsOnly()
    {
        await using Running running = await TwoNodesAsync();
        using FakeAgent there = FakeAgent.OverSocket(running.Socket, "node-2");
        await there.OpenAsync();
        await there.NextAsync();
        await there.ReportAsync("shop/web", "shop/nobody");
        Assert.True(running.Host.SnapshotFor("node-1").Workloads["shop/web"].Enrolled);

        RpcException other = await Assert.ThrowsAsync<RpcException>(() => there.ReportAsync(new NodeReport { Node = "node-1" }));
        Assert.Equal(StatusCode.PermissionDenied, other.StatusCode);
        NodeReport[] malformed = [.. new RefusedWorkload[] { new() { Uid = "shop/web", Reason = "a\nb" }, new() { Uid = "shop/web", Reason = new string('x', 2000) }, new() { Uid = "no name" }, new(), new() { Uid = "shop/we\nb" } }.Select(r => new NodeReport { Refused = { r } })];
        foreach (NodeReport report in malformed)
        {
            report.Node = "node-2";
            Assert.Equal(StatusCode.InvalidArgument, (await Assert.ThrowsAsync<RpcException>(() => there.ReportAsync(report))).StatusCode);
        }
    }

    [Fact]
    public async Task ANodeThatChangesItsMindAtOnceHasToWait()
    {
        ManualTime time = new();
        using TempFolder folder = new();
        Directory.CreateDirectory(folder.File("objects"));
        await using ControllerHost controller = await ControllerHost.StartAsync(Running.Options(folder) with { Time = time }, TestContext.Current.CancellationToken);
        using FakeAgent here = FakeAgent.OverSocket(folder.File("c.sock"), "node-1");
        await here.ReportAsync("shop/web");
        await here.ReportAsync("shop/web");
        RpcException tooSoon = await Assert.ThrowsAsync<RpcException>(() => here.ReportAsync());
        Assert.Equal((StatusCode.ResourceExhausted, TimeSpan.FromSeconds(1)), (tooSoon.StatusCode, RetryPushback.Of(tooSoon)));
        time.Advance(TimeSpan.FromSeconds(1));
        await here.ReportAsync();
    }

    [Fact]
    public async Task TheNextControllerKnows()
    {
        using TempFolder folder = new();
        Directory.CreateDirectory(folder.File("objects"));
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        await using (ControllerHost first = await ControllerHost.StartAsync(Running.Options(folder), TestContext.Current.CancellationToken))
        {
            using FakeAgent here = FakeAgent.OverSocket(folder.File("c.sock"), "node-1");
            await here.ReportAsync("shop/web");
        }
        await using ControllerHost second = await ControllerHost.StartAsync(Running.Options(folder), TestContext.Current.CancellationToken);
        Assert.True(second.SnapshotFor("node-1").Workloads["shop/web"].EnrolmentRefused);
    }

    private static (bool Enrolled, bool Refused) Enrolment(FakeAgent agent, string uid) => (agent.Snapshot.Workloads[uid].Enrolled, agent.Snapshot.Workloads[uid].EnrolmentRefused);

    private static Task<Running> TwoNodesAsync() => Running.StartAsync(folder =>
    {
        folder.Write("objects/web.yaml", Objects.Workload("web", "10.0.0.1"));
        folder.Write("objects/api.yaml", Objects.Workload("api", "10.0.0.2", "node-2"));
    });
}
