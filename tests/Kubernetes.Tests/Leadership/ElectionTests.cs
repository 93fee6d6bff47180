using System.Threading.Channels;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Leadership;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Kubernetes.Tests.Leadership;

/// <summary>Two who stand for election at a real API server.</summary>
public sealed class ElectionTests(SharedCluster cluster) : IDisposable
{
    private readonly KubernetesMetrics _metrics = new();

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public async Task OneLeadsAndTheOtherTakesOverWhenItIsCutOffOrStops()
    {
        string space = await cluster.NamespaceAsync();
        await using var proxy = new CuttingProxy(cluster.Server.Port);
        using KubernetesClient cut = cluster.Server.Client(port: proxy.Port);
        Channel<string> told = Channel.CreateUnbounded<string>();
        using CancellationTokenSource stopFirst = new(), stopSecond = new();
        Task first = RunAsync("first", cut, space, told.Writer, stopFirst.Token);
        Assert.Equal("first leads", await NextAsync(told));
        Task second = RunAsync("second", cluster.Admin, space, told.Writer, stopSecond.Token);
        Assert.Contains("first", await cluster.Server.KubectlAsync("", "get", "lease", "test", "-n", space), StringComparison.Ordinal);

        proxy.Refuses = true;
        proxy.Cut();
        // The order is the point: work ends before the other begins.
        Assert.Equal("first ended", await NextAsync(told));
        Assert.Equal("second leads", await NextAsync(told));
        proxy.Refuses = false;

        await stopSecond.CancelAsync();
        Assert.Equal("second ended", await NextAsync(told));
        await Soon.Ends(second);
        Assert.Equal("first leads", await NextAsync(told));
        await stopFirst.CancelAsync();
        await Soon.Ends(first);
        Assert.Equal("", (await cluster.Admin.Resource(KnownResources.Leases).GetAsync(new(space, "test"), TestContext.Current.CancellationToken)).Spec.HolderIdentity ?? "");
    }

    [Fact]
    public async Task WithoutTheNamespaceItIsSaidOnceAndWhenItIsThereOneLeads()
    {
        string space = $"later-{Guid.NewGuid():N}";
        var logger = new RecordingLogger<LeaderElector>();
        var options = new LeaderElectionOptions(new(space, "test"), "a") { RetryPeriod = TimeSpan.FromMilliseconds(100) };
        var told = new TaskCompletionSource(TaskCreationOptions.RunContinuationsAsynchronously);
        using var stop = new CancellationTokenSource();
        var elector = new LeaderElector(cluster.Admin.Resource(KnownResources.Leases), options, _metrics, TimeProvider.System, logger);
        Task running = elector.RunAsync(async working =>
        {
            told.SetResult();
            await Task.Delay(Timeout.InfiniteTimeSpan, working);
        }, stop.Token);
        await Soon.Holds("it says what is missing", () => logger.Lines.Count > 0);
        await Task.Delay(TimeSpan.FromSeconds(1), TestContext.Current.CancellationToken);
        Assert.StartsWith($"Warning The lease {space}/test could not be got or renewed, which is tried again every 0.1 s: the namespace {space} has to be there; ", Assert.Single(logger.Lines), StringComparison.Ordinal);
        await cluster.Server.KubectlAsync("", "create", "namespace", space);
        await Soon.Ends(told.Task);
        await stop.CancelAsync();
        await Soon.Ends(running);
        Assert.Single(logger.Lines, l => l.StartsWith("Warning", StringComparison.Ordinal));
    }

    private async Task RunAsync(string identity, IKubernetesClient client, string space, ChannelWriter<string> told, CancellationToken stop)
    {
        // More than is usual: a machine that stands still for so long makes a leader give up, which is right and not what is tested.
        var options = new LeaderElectionOptions(new(space, "test"), identity) { LeaseDuration = TimeSpan.FromSeconds(22), RenewDeadline = TimeSpan.FromSeconds(18), RetryPeriod = TimeSpan.FromMilliseconds(500) };
        var elector = new LeaderElector(client.Resource(KnownResources.Leases), options, _metrics, TimeProvider.System, new RecordingLogger<LeaderElector>());
        await elector.RunAsync(async working =>
        {
            told.TryWrite($"{identity} leads");
            try
            {
                await Task.Delay(Timeout.InfiniteTimeSpan, working);
            }
            finally
            {
                told.TryWrite($"{identity} ended");
            }
        }, stop);
    }

    private static async Task<string> NextAsync(Channel<string> told) => await Soon.Ends(told.Reader.ReadAsync().AsTask());
}
