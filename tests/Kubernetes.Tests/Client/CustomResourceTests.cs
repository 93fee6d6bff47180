using System.Text;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Informers;
using Culvert.Kubernetes.Metrics;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Client;

/// <summary>A kind that the library does not know, by a record of its user's.</summary>
public sealed class CustomResourceTests(SharedCluster cluster) : IDisposable
{
    private const string Definition = """
        {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition","metadata":{"name":"widgets.test.culvert.dev"},
         "spec":{"group":"test.culvert.dev","scope":"Namespaced","names":{"plural":"widgets","singular":"widget","kind":"Widget"},
         "versions":[{"name":"v1","served":true,"storage":true,"subresources":{"status":{}},
         "schema":{"openAPIV3Schema":{"type":"object","properties":{
           "spec":{"type":"object","x-kubernetes-preserve-unknown-fields":true},
           "status":{"type":"object","x-kubernetes-preserve-unknown-fields":true}}}}}]}}
        """;

    private readonly KubernetesMetrics _metrics = new();

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public void Dispose() => _metrics.Dispose();

    [Fact]
    public async Task ACustomKindIsDefinedAppliedWatchedAndGivenAStatus()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1CustomResourceDefinition> definitions = cluster.Admin.Resource(KnownResources.CustomResourceDefinitions);
        await definitions.ApplyAsync(new("widgets.test.culvert.dev"), Encoding.UTF8.GetBytes(Definition), new("tests"), Stop);
        await Soon.Holds("the kind is established", async () =>
            (await definitions.GetAsync(new("widgets.test.culvert.dev"), Stop)).Status.Conditions.Any(c => c is { Type: "Established", Status: "True" }));

        IResourceClient<Widget> widgets = cluster.Admin.Resource(Widget.Type);
        // Its paths are there a moment after it says so.
        await Soon.Holds("its paths are there", async () =>
        {
            try
            {
                await widgets.ListAsync(new() { Namespace = space }, Stop);
                return true;
            }
            catch (ApiException e) when (e.Failure == ApiFailure.NotFound)
            {
                return false;
            }
        });
        await using var informer = new Informer<Widget>(widgets, new() { Reflector = new() { Namespace = space } }, _metrics, TimeProvider.System, new RecordingLogger<InformerSet>());
        var handler = new RecordingHandler<Widget>();
        informer.Subscribe(handler);
        informer.Start();
        await handler.UntilAsync("synced");

        var wanted = new Widget { Metadata = new() { NamespaceProperty = space, Name = "one" }, Spec = new() { Size = 3 } };
        Widget made = await widgets.ApplyAsync(new(space, "one"), wanted, TestJson.Default.Widget, new("tests"), Stop);
        Assert.Equal((3, 1), (made.Spec.Size, made.Metadata.Generation));
        Assert.Equal("+one", await handler.NextAsync());

        Widget reported = await widgets.PatchStatusAsync(new(space, "one"), """{"status":{"observedGeneration":1},"spec":{"size":9}}"""u8.ToArray(), "tests", Stop);
        Assert.Equal((1, 3), (reported.Status!.ObservedGeneration, reported.Spec.Size));
        Assert.Equal("~one", await handler.NextAsync());
        Assert.Equal("1", await cluster.Server.KubectlAsync("", "get", "widget", "one", "-n", space, "-o", "jsonpath={.status.observedGeneration}"));

        // The schema lets in what the record does not fit.
        await widgets.ApplyAsync(new(space, "bad"), """{"apiVersion":"test.culvert.dev/v1","kind":"Widget","metadata":{"name":"bad"},"spec":{"size":"large"}}"""u8.ToArray(), new("tests"), Stop)
            .ContinueWith(t => Assert.Equal(ApiFailure.BadResponse, Assert.IsType<ApiException>(t.Exception!.InnerException).Failure), TaskScheduler.Default);
        Assert.Equal("?bad", await handler.NextAsync());
        Assert.Equal(1, informer.Cache.Count);
        await widgets.DeleteAsync(new(space, "one"), null, Stop);
        Assert.Equal("-one", await handler.NextAsync());
    }
}
