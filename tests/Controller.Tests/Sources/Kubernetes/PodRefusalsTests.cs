using System.Collections.Concurrent;
using System.Text;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Core;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Protocol;
using Culvert.Tests.Shared;
using Grpc.Core;
using k8s.Models;
using Microsoft.Extensions.Logging;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>A pod that its node can't capture says so in its status, and by that to every controller.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class PodRefusalsTests(TestCluster cluster)
{
    private const string Ready = "\"conditions\":[{\"type\":\"Ready\",\"status\":\"True\"}],";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ThePodsStatusAndEventsSayItAndEveryControllerHeedsItUntilItIsCapturedAgain()
    {
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.8.0.1", status: Ready);
        await using RunningOnCluster one = await cluster.ControllerAsync(), other = await cluster.ControllerAsync();
        foreach (RunningOnCluster controller in new[] { one, other }) await IsMemberAsync(controller, ns, true);

        await ReportAsync(one, "n1", $"{ns}/web");
        foreach (RunningOnCluster controller in new[] { one, other }) await IsMemberAsync(controller, ns, false);
        V1Pod pod = await PodAsync(ns);
        V1PodCondition condition = Assert.Single(pod.Status.Conditions, c => c.Type == CaptureCondition.Type);
        Assert.Equal(("False", "NotCaptured", "a test"), (condition.Status, condition.Reason, condition.Message));
        Assert.Single(pod.Status.Conditions, c => c is { Type: "Ready", Status: "True" });
        await HasEventAsync(ns, pod.Metadata.Uid!, CaptureEvents.NotCaptured, "can't be captured, and is not in the mesh until it can: a test");
        await HasEventAsync("default", "n1", CaptureEvents.NotCaptured, $"1 pod can't be captured and is not in the mesh until it can; {ns}/web: a test");

        // One that starts later has it from the pod, and to tell it again is no news.
        await using (RunningOnCluster later = await cluster.ControllerAsync())
        {
            await IsMemberAsync(later, ns, false);
            await ReportAsync(later, "n1", $"{ns}/web");
            await ReportAsync(later, "n1");
            foreach (RunningOnCluster controller in new[] { one, other, later }) await IsMemberAsync(controller, ns, true);
            await HasEventAsync(ns, pod.Metadata.Uid!, CaptureEvents.Captured, "can be captured again: it is in the mesh");
        }
        pod = await PodAsync(ns);
        Assert.DoesNotContain(pod.Status.Conditions, c => c.Type == CaptureCondition.Type);
        Assert.Single(pod.Status.Conditions, c => c is { Type: "Ready", Status: "True" });
        Assert.Single(await EventsAsync(ns, pod.Metadata.Uid!), e => e.Reason == CaptureEvents.NotCaptured);
    }

    [Fact]
    public async Task AnEventSaysThatAPodThatStaysGuardedDoesNotGetThrough()
    {
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.8.0.9");
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        await IsMemberAsync(controller, ns, true);
        string uid = (await PodAsync(ns)).Metadata.Uid!;
        Culvert.Protocol.V1.RefusedWorkload blocked = new() { Uid = $"{ns}/web", Reason = "a rule" };
        await ReportAsync(controller, "n2", blocked); // not its pod
        await ReportAsync(controller, "n1", blocked);
        await HasEventAsync(ns, uid, CaptureEvents.Blocked, "stays in the mesh, and what it sends or is sent does not get through: a rule");
        await ReportAsync(controller, "n1");
        await HasEventAsync(ns, uid, CaptureEvents.Captured, "what it sends and is sent gets through again");

        // It was a member all the time.
        await IsMemberAsync(controller, ns, true);
        Assert.Single(await EventsAsync(ns, uid), e => e.Reason == CaptureEvents.Blocked);
        Assert.DoesNotContain((await PodAsync(ns)).Status.Conditions, c => c.Type == CaptureCondition.Type);
    }

    [Fact]
    public async Task OfOtherNodesPodsANodeSaysNothing()
    {
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.8.0.2");
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        await IsMemberAsync(controller, ns, true);
        await ReportAsync(controller, "n2", $"{ns}/web", $"{ns}/nobody");
        await ReportAsync(controller, "n1", $"{ns}/nobody");

        // What comes later has been done: by then the other would have been, too.
        await cluster.PodAsync(ns, "next", "10.8.0.3");
        await controller.SnapshotAsync(s => s.Workloads.ContainsKey($"{ns}/next"));
        await ReportAsync(controller, "n1", $"{ns}/next");
        await controller.SnapshotAsync(s => s.Workloads[$"{ns}/next"].EnrolmentRefused);
        Assert.DoesNotContain((await PodAsync(ns)).Status.Conditions, c => c.Type == CaptureCondition.Type);
        await IsMemberAsync(controller, ns, true);
        await ReportAsync(controller, "n1");
        await controller.SnapshotAsync(s => !s.Workloads[$"{ns}/next"].EnrolmentRefused);
    }

    [Fact]
    public async Task WhatOthersHaveWrittenIntoAPodsStatusGoesWhereItsNodeCanCaptureIt()
    {
        string ns = await cluster.NamespaceAsync(), outside = await cluster.NamespaceAsync("disabled");
        await cluster.PodAsync(ns, "web", "10.8.0.6", status: Ready);
        await cluster.PodAsync(outside, "web", "10.8.0.7", status: Ready);
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        await controller.FollowAsync("n1");
        await ReportAsync(controller, "n1", $"{outside}/web");
        const string forged = """{"status":{"conditions":[{"type":"culvert.dev/Captured","status":"False","reason":"Forged","message":"somebody says so"}]}}""";
        await cluster.Admin.Resource(KnownResources.Pods).PatchAsync(new(ns, "web"), Patch.Strategic(Encoding.UTF8.GetBytes(forged)), new() { FieldManager = "somebody", Subresource = "status" }, Stop);
        await Soon.Holds("it is gone", async () => (await PodAsync(ns)).Status.Conditions.All(c => c.Type != CaptureCondition.Type));
        await IsMemberAsync(controller, ns, true);
        Assert.Single((await PodAsync(ns)).Status.Conditions, c => c is { Type: "Ready", Status: "True" });

        // Of a pod that is none of the mesh's a node can say what it likes.
        Assert.DoesNotContain((await PodAsync(outside)).Status.Conditions, c => c.Type == CaptureCondition.Type);
    }

    [Fact]
    public async Task OfAPodThatComesAndGoesAFewEventsTell()
    {
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.8.0.8");
        V1Pod pod = await PodAsync(ns);
        ManualTime time = new();
        CaptureEvents events = new(cluster.Admin, "test", time, NullLogger.Instance);
        async Task<int> TellAsync(int times)
        {
            for (int i = 0; i < times; i++) await events.WriteAsync([new(new(ns, "web"), pod.Metadata.Uid!, i % 2 == 0 ? "a reason" : null)], null, new Dictionary<string, string>(), Stop);
            return (await EventsAsync(ns, pod.Metadata.Uid!)).Count;
        }
        Assert.Equal(5, await TellAsync(20));
        time.Advance(TimeSpan.FromMinutes(2));
        Assert.Equal(7, await TellAsync(20));
    }

    [Fact]
    public async Task WhatANodeKnowsBeforeTheControllerDoesIsWrittenWhenThePodIsThere()
    {
        string ns = await cluster.NamespaceAsync();
        await using RunningOnCluster controller = await cluster.ControllerAsync();
        await controller.SnapshotAsync(_ => true);
        await ReportAsync(controller, "n1", $"{ns}/web");
        await cluster.PodAsync(ns, "web", "10.8.0.4");
        await IsMemberAsync(controller, ns, false);
        await ReportAsync(controller, "n1");
        await IsMemberAsync(controller, ns, true);
    }

    [Fact]
    public async Task WithoutTheRoleThePodStaysAMemberWhichNobodyCanReachPastItsPolicyAndTheVerbIsSaid()
    {
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.8.0.5");
        await cluster.InstallControllerAsync();
        await cluster.Server.KubectlAsync("""[{"op":"remove","path":"/rules/5"}]""", "patch", "clusterrole", "culvert-controller", "--type=json", "--patch-file=/dev/stdin");
        try
        {
            ConcurrentQueue<string> lines = [];
            using ILoggerFactory log = LoggerFactory.Create(l => l.AddProvider(new LineLogger(lines, LogLevel.Information)));
            await using RunningOnCluster controller = await cluster.ControllerAsync(await cluster.TokenAsync("culvert-system", "culvert-controller"), log);
            await IsMemberAsync(controller, ns, true);
            await ReportAsync(controller, "n1", $"{ns}/web");
            await Soon.Holds("it is said", () => lines.Any(m => m.Contains("the controller's role lacks the verb patch on pods/status", StringComparison.Ordinal)));
            Assert.True(controller.Host.SnapshotFor("n1").Workloads[$"{ns}/web"].Enrolled);
        }
        finally
        {
            await cluster.InstallControllerAsync();
        }
    }

    // Without a stream, so that what is told counts once.
    private static Task IsMemberAsync(RunningOnCluster controller, string ns, bool isMember) => Soon.Holds(
        $"web is {(isMember ? "a" : "no")} member", () => controller.Host.SnapshotFor("n1").Workloads.TryGetValue($"{ns}/web", out WorkloadInfo? web) && web.Enrolled == isMember && web.EnrolmentRefused == !isMember);

    private static Task ReportAsync(RunningOnCluster controller, string node, params string[] refused) => ReportAsync(controller, node, agent => agent.ReportAsync(refused));

    private static Task ReportAsync(RunningOnCluster controller, string node, Culvert.Protocol.V1.RefusedWorkload blocked) =>
        ReportAsync(controller, node, agent => agent.ReportAsync(new Culvert.Protocol.V1.NodeReport { Node = node, Blocked = { blocked } }));

    private static async Task ReportAsync(RunningOnCluster controller, string node, Func<FakeAgent, Task> report)
    {
        using FakeAgent agent = FakeAgent.OverSocket(controller.Socket, node);
        await FakeAgent.PatientlyAsync(async () =>
        {
            await report(agent);
            return true;
        });
    }

    private Task<V1Pod> PodAsync(string ns) => cluster.Admin.Resource(KnownResources.Pods).GetAsync(new(ns, "web"), Stop);

    private async Task<IReadOnlyList<Corev1Event>> EventsAsync(string ns, string uid) =>
        (await cluster.Admin.Resource(KnownResources.Events).ListAsync(new() { Namespace = ns, FieldSelector = $"involvedObject.uid={uid}" }, Stop)).Items;

    private Task HasEventAsync(string ns, string uid, string reason, string message) =>
        Soon.Holds($"an event {reason} of {uid}", async () => (await EventsAsync(ns, uid)).Any(e => e.Reason == reason && e.Message == message && e.ReportingComponent == CaptureEvents.Component));
}
