using System.Threading.Channels;
using Culvert.Controller.Sources;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>What the source of a cluster tells, batch by batch.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class KubernetesSourceTests(TestCluster cluster)
{
    [Fact]
    public async Task NothingCountsAsReadBeforeAllKindsAreAndThenOneChangeIsOneChange()
    {
        var sink = new RecordingSink();
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.6.0.1", labels: "app: web");
        using KubernetesMetrics metrics = new();
        await using KubernetesSource source = KubernetesSources.Create(cluster.Options(), new(), new(), metrics, TimeProvider.System, NullLoggerFactory.Instance);
        source.Start(sink);
        var told = new HashSet<string>(StringComparer.Ordinal);
        ObjectBatch batch;
        do
        {
            batch = await sink.NextAsync();
            told.UnionWith(batch.Changes.Where(c => c.Declaration is not null).Select(c => c.Key.Place));
        }
        while (!batch.IsSynced);
        Assert.Contains($"api/v1/namespaces/{ns}/pods/web", told);
        Assert.Contains($"api/v1/namespaces/{ns}", told);

        // What means nothing to a mesh is no batch at all; what does is one change.
        await cluster.PodStatusAsync(ns, "web", "10.6.0.1", """ "message":"fine", """);
        await cluster.Server.KubectlAsync("", "annotate", "pod", "web", "-n", ns, "other=x");
        await cluster.Server.KubectlAsync("", "label", "pod", "web", "-n", ns, "app=api", "--overwrite");
        batch = await sink.NextAsync();
        Assert.Equal($"api/v1/namespaces/{ns}/pods/web", Assert.Single(batch.Changes).Key.Place);
        Assert.True(batch.IsSynced);
        await cluster.Server.KubectlAsync("", "delete", "pod", "web", "-n", ns, "--grace-period=0", "--force");
        Assert.Null(Assert.Single((await sink.NextAsync()).Changes).Declaration);
    }

    [Fact]
    public async Task WhatWasNotTakenUpIsToldAgainAsAWhole()
    {
        var sink = new RecordingSink();
        string ns = await cluster.NamespaceAsync();
        using KubernetesMetrics metrics = new();
        await using KubernetesSource source = KubernetesSources.Create(cluster.Options(), new(), new(), metrics, TimeProvider.System, NullLoggerFactory.Instance);
        source.Start(sink);
        while (!(await sink.NextAsync()).IsSynced)
        {
            // Kind by kind.
        }
        sink.FailNext();
        await cluster.PodAsync(ns, "web", "10.7.0.1");
        ObjectBatch batch = await sink.NextAsync();
        Assert.Equal("", batch.Replaces);
        string[] places = [.. batch.Changes.Select(c => c.Key.Place)];
        Assert.Contains($"api/v1/namespaces/{ns}/pods/web", places);
        Assert.Contains($"api/v1/namespaces/{ns}", places);
    }

    [Fact]
    public async Task ObjectsThatWentWhileNothingWasHeardAreGone()
    {
        var sink = new RecordingSink();
        string ns = await cluster.NamespaceAsync();
        await cluster.KubectlAsync($"apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {{name: vm, namespace: {ns}}}\nspec: {{node: n2, addresses: [10.8.0.1]}}");
        using KubernetesMetrics metrics = new();
        await using KubernetesSource source = KubernetesSources.Create(cluster.Options(), new(), new(), metrics, TimeProvider.System, NullLoggerFactory.Instance);
        source.Start(sink);
        while (!(await sink.NextAsync()).IsSynced)
        {
            // Kind by kind.
        }
        await cluster.Server.CrashAsync();
        while ((await sink.NextAsync()).Troubles.IsEmpty)
        {
            // Until it is noticed.
        }
        await cluster.Server.RestartAsync();
        await cluster.Admin.Resource(TestCluster.KindOf("Workload").Type).DeleteAsync(new(ns, "vm"), null, TestContext.Current.CancellationToken);
        ObjectBatch batch;
        do batch = await sink.NextAsync();
        while (!batch.Changes.Any(c => c.Key.Place.EndsWith("workloads/vm", StringComparison.Ordinal) && c.Declaration is null));
    }

    private sealed class RecordingSink : IObjectSink
    {
        private readonly Channel<ObjectBatch> _batches = Channel.CreateUnbounded<ObjectBatch>();
        private volatile bool _fails;

        public void FailNext() => _fails = true;

        public void Apply(ObjectBatch batch)
        {
            if (_fails)
            {
                _fails = false;
                throw new InvalidOperationException("a bug");
            }
            _batches.Writer.TryWrite(batch);
        }

        public Task<ObjectBatch> NextAsync() => Soon.Ends(_batches.Reader.ReadAsync().AsTask());
    }
}
