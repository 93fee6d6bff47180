using System.Collections.Immutable;
using Culvert.Cni;
using Culvert.Core;
using Culvert.NodeAgent.Cni;
using Culvert.NodeAgent.Datapath;
using Culvert.NodeAgent.Telemetry;
using Culvert.NodeAgent.Telemetry.Metrics;
using Culvert.NodeAgent.Tests.Datapath;
using Culvert.NodeAgent.Tests.Telemetry;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.NodeAgent.Tests.Cni;

/// <summary>Calls of the plugin, with a mesh that is told and captures as the test says.</summary>
public sealed class CniCommandsTests : IDisposable
{
    private readonly string _folder = Directory.CreateTempSubdirectory("culvert-commands").FullName;
    private readonly PodAttachments _attachments;
    private readonly MetricRegistry _metrics = new();
    private readonly Mesh _mesh;
    private readonly CniCommands _commands;

    public CniCommandsTests()
    {
        _attachments = new(_folder, TimeProvider.System, NullLogger.Instance);
        _mesh = new(_attachments);
        _commands = new(_mesh, _attachments, _ => "veth1", new AgentMetrics(_metrics).CniCalls, TimeProvider.System, NullLogger.Instance);
    }

    public void Dispose() => Directory.Delete(_folder, recursive: true);

    [Fact]
    public async Task APodInTheMeshStartsWhenItIsCaptured()
    {
        _mesh.Tell(PodAttachmentsTests.Starting("web"));
        Assert.Equal(CniAnswer.Ok, await ServeAsync(CniCommand.Add));
        LocalEndpoint endpoint = Assert.Single(_mesh.InForce.Endpoints);
        Assert.Equal(("10.7.0.2", "veth1"), (string.Join(' ', endpoint.Workload.Addresses), endpoint.Workload.HostInterface));
        Assert.Equal(CniAnswer.Ok, await ServeAsync(CniCommand.Check));
    }

    [Fact]
    public async Task CallsAreCountedByWhatBecameOfThem()
    {
        _mesh.Tell(PodAttachmentsTests.Starting("web"));
        await ServeAsync(CniCommand.Add);
        _mesh.Tell();
        await ServeAsync(CniCommand.Add, wait: 0);
        using CancellationTokenSource gone = new();
        Task<CniAnswer> waiting = _commands.ServeAsync(Request(CniCommand.Add, wait: 60_000), gone.Token);
        await gone.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => waiting);
        string text = _metrics.Render(openMetrics: false);
        foreach (string result in (string[])["ok", "try-again-later", "abandoned"]) Assert.Contains($"culvert_cni_call_duration_seconds_count{{command=\"add\",result=\"{result}\"}} 1", text, StringComparison.Ordinal);
    }

    [Fact]
    public async Task APodThatIsNotInTheMeshStartsAtOnce()
    {
        _mesh.Tell(PodAttachmentsTests.Starting("web") with { Enrolled = false });
        Assert.Equal(CniAnswer.Ok, await ServeAsync(CniCommand.Add));
        Assert.Equal(0, _mesh.Rejoined);
        Assert.Equal(CniAnswer.Ok, await ServeAsync(CniCommand.Check));

        // Should it be enrolled before its address is told, it is captured where its runtime has put it.
        _mesh.Tell(PodAttachmentsTests.Starting("web"));
        Assert.Single(_mesh.InForce.Endpoints);
    }

    [Fact]
    public async Task APodThatNobodyHasToldOfWaitsUntilItIsTold()
    {
        _mesh.Tell();
        Task<CniAnswer> adding = ServeAsync(CniCommand.Add, wait: 60_000);
        Assert.False(adding.IsCompleted);
        _mesh.Tell(PodAttachmentsTests.Starting("other"));
        Assert.False(adding.IsCompleted);
        _mesh.Tell(PodAttachmentsTests.Starting("web"));
        Assert.Equal(CniAnswer.Ok, await adding.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task AnEarlierPodOfItsNameIsNotTakenForIt()
    {
        _mesh.Tell(PodAttachmentsTests.Starting("web") with { PodUid = "earlier", Enrolled = false });
        CniAnswer answer = await ServeAsync(CniCommand.Add, wait: 0);
        Assert.Equal(CniErrorCode.TryAgainLater, answer.Code);
        Assert.Contains("an earlier pod of its name only (uid earlier, and not uid-web)", answer.Message, StringComparison.Ordinal);
    }

    [Fact]
    public async Task WithoutASnapshotPodsWaitAndTheNodeIsReadyForThoseThatNeedNot()
    {
        Assert.Equal(CniErrorCode.TryAgainLater, (await ServeAsync(CniCommand.Add, wait: 0)).Code);
        Assert.Equal(CniErrorCode.TryAgainLater, (await ServeAsync(CniCommand.Check)).Code);
        Assert.Equal(CniAnswer.Ok, await ServeAsync(CniCommand.Status));
        foreach (string exempt in (string[])["culvert-system", "kube-system"])
        {
            Assert.Equal(CniAnswer.Ok, await ServeAsync(CniCommand.Add, wait: 0, podNamespace: exempt));
            Assert.Equal(CniAnswer.Ok, await ServeAsync(CniCommand.Check, podNamespace: exempt));
        }
    }

    [Fact]
    public async Task WhatCantBeCapturedDoesNotStartAndLeavesNothing()
    {
        _mesh.Tell(PodAttachmentsTests.Starting("web"));
        _mesh.Obstacle = "there is a test in the way";
        CniAnswer answer = await ServeAsync(CniCommand.Add, wait: 0);
        Assert.Equal((CniErrorCode.TryAgainLater, "culvert: pod shop/web waits: it can't be captured: there is a test in the way"), (answer.Code, answer.Message));
        Assert.Empty(_attachments.All);
        Assert.Equal(CniErrorCode.NotCaptured, (await ServeAsync(CniCommand.Check)).Code);
        _mesh.Failure = new IOException("the kernel says no");
        Assert.EndsWith("it can't be captured: the kernel says no", (await ServeAsync(CniCommand.Add, wait: 0)).Message, StringComparison.Ordinal);

        // A node that can't capture it tells the controller, and it starts outside the mesh.
        Task<CniAnswer> adding = ServeAsync(CniCommand.Add, wait: 60_000);
        _mesh.Tell(PodAttachmentsTests.Starting("web") with { Enrolled = false, EnrolmentRefused = true });
        Assert.Equal(CniAnswer.Ok, await adding.WaitAsync(TimeSpan.FromSeconds(20)));
    }

    [Fact]
    public async Task WhatCantBeWrittenDownDoesNotStart()
    {
        _mesh.Tell(PodAttachmentsTests.Starting("web"));
        File.WriteAllText(Path.Combine(_folder, "cni"), "in the way");
        Assert.Equal(CniErrorCode.IoFailure, (await ServeAsync(CniCommand.Add)).Code);
    }

    [Fact]
    public async Task WhoGoesAwayWhileItWaitsLeavesNothing()
    {
        _mesh.Tell(PodAttachmentsTests.Starting("web"));
        _mesh.Obstacle = "a test";
        using CancellationTokenSource stop = new();
        Task<CniAnswer> adding = _commands.ServeAsync(Request(CniCommand.Add, 60_000), stop.Token);
        await stop.CancelAsync();
        await Assert.ThrowsAnyAsync<OperationCanceledException>(() => adding.WaitAsync(TimeSpan.FromSeconds(20)));
        Assert.Empty(_attachments.All);
    }

    [Fact]
    public async Task DelForgetsAndMayBeAskedAgain()
    {
        _mesh.Tell(PodAttachmentsTests.Starting("web"));
        await ServeAsync(CniCommand.Add);
        Assert.Single(_attachments.All);
        Assert.Equal(CniAnswer.Ok, await ServeAsync(CniCommand.Del));
        Assert.Equal(CniAnswer.Ok, await ServeAsync(CniCommand.Del));
        Assert.Empty(_attachments.All);
    }

    [Fact]
    public async Task GcForgetsWhatIsNotNamed()
    {
        _attachments.Add(PodAttachmentsTests.Of("a", "10.7.0.3", "c2"));
        _attachments.Add(PodAttachmentsTests.Of("b", "10.7.0.4", "c3"));
        await _commands.ServeAsync(new CniRequest { Command = CniCommand.Gc, Valid = [new("c3", "eth0")] }, default);
        Assert.Equal("c3", Assert.Single(_attachments.All).Name.ContainerId);
    }

    [Fact]
    public async Task WhatNobodyHasSaidDelOfIsForgottenWhenTheNextPodStarts()
    {
        _attachments.Add(PodAttachmentsTests.Of("gone", "10.7.0.3", "c2") with { Added = DateTimeOffset.UtcNow - TimeSpan.FromHours(1) });
        _attachments.Add(PodAttachmentsTests.Of("new", "10.7.0.4", "c3") with { Added = DateTimeOffset.UtcNow });
        _mesh.Tell(PodAttachmentsTests.Starting("web"));
        await ServeAsync(CniCommand.Add);
        Assert.Equal(["c1", "c3"], _attachments.All.Select(a => a.Name.ContainerId).Order(StringComparer.Ordinal));
    }

    private Task<CniAnswer> ServeAsync(CniCommand command, int wait = 10_000, string podNamespace = "shop") => _commands.ServeAsync(Request(command, wait, podNamespace), default);

    private static CniRequest Request(CniCommand command, int wait, string podNamespace = "shop") => new()
    {
        Command = command,
        ContainerId = "c1",
        Interface = "eth0",
        PodNamespace = podNamespace,
        PodName = "web",
        PodUid = "uid-web",
        WaitMilliseconds = wait,
        Addresses = ["10.7.0.2"],
    };

    // Captures every pod that has an address, unless something is in the way.
    private sealed class Mesh(PodAttachments attachments) : ICniMesh
    {
        private TaskCompletionSource _change = new(TaskCreationOptions.RunContinuationsAsynchronously);

        public NodeSnapshot Told { get; private set; } = new();

        public DatapathInForce InForce { get; private set; } = new();

        public Task NextChange => _change.Task;

        internal string? Obstacle { get; set; }

        internal IOException? Failure { get; set; }

        internal int Rejoined { get; private set; }

        public Task RejoinAsync(Func<bool> isNeeded, CancellationToken cancellationToken)
        {
            if (Failure is { } failure) throw failure;
            if (!isNeeded()) return Task.CompletedTask;
            Rejoined++;
            Apply();
            return Task.CompletedTask;
        }

        internal void Tell(params WorkloadInfo[] workloads)
        {
            Told = TestMesh.Snapshot(workloads) with { Version = Told.Version + 1 };
            Apply();
        }

        private void Apply()
        {
            WorkloadInfo[] here = [.. attachments.Join(Told).LocalWorkloads().Where(w => !w.IsStarting)];
            InForce = Obstacle is { } why
                ? new() { NotCaptured = here.ToImmutableDictionary(w => w.Uid, _ => why) }
                : new() { Endpoints = [.. here.Select((w, i) => TestMesh.Endpoint(w, i + 2))] };
            TaskCompletionSource change = _change;
            _change = new(TaskCreationOptions.RunContinuationsAsynchronously);
            change.SetResult();
        }
    }
}
