using System.Text;
using System.Text.Json;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.Client;

/// <summary>Requests to a real API server.</summary>
public sealed class ResourceClientTests(SharedCluster cluster)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task AnObjectIsCreatedReadUpdatedAndDeleted()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        V1ConfigMap made = await maps.CreateAsync(TestNamespaces.ConfigMap(space, "one", "1", ("app", "a")), new() { FieldManager = "tests" }, Stop);
        Assert.NotNull(made.Metadata.Uid);
        Assert.NotNull(made.Metadata.CreationTimestamp);

        V1ConfigMap read = await maps.GetAsync(new(space, "one"), Stop);
        Assert.Equal(("1", "a"), (read.Data["value"], read.Metadata.Labels["app"]));
        V1ConfigMap changed = await maps.UpdateAsync(read with { Data = new Dictionary<string, string> { ["value"] = "2" } }, null, Stop);
        Assert.NotEqual(read.Metadata.ResourceVersion, changed.Metadata.ResourceVersion);
        Assert.Equal("2", await cluster.Server.KubectlAsync("", "get", "configmap", "one", "-n", space, "-o", "jsonpath={.data.value}"));

        await maps.DeleteAsync(new(space, "one"), null, Stop);
        Assert.Null(await maps.FindAsync(new(space, "one"), Stop));
        Assert.False(await maps.DeleteIfThereAsync(new(space, "one"), null, Stop));
    }

    [Fact]
    public async Task AnUpdateOfAnOlderVersionIsAConflict()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        V1ConfigMap old = await maps.CreateAsync(TestNamespaces.ConfigMap(space, "one"), null, Stop);
        await maps.UpdateAsync(old with { Data = new Dictionary<string, string> { ["a"] = "b" } }, null, Stop);
        ApiException error = await Assert.ThrowsAsync<ApiException>(() => maps.UpdateAsync(old with { Data = new Dictionary<string, string> { ["a"] = "c" } }, null, Stop));
        Assert.Equal(ApiFailure.Conflict, error.Failure);
        Assert.False(error.IsTransient);
    }

    [Fact]
    public async Task WhatAFailureWasIsTold()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        ApiException missing = await Assert.ThrowsAsync<ApiException>(() => maps.GetAsync(new(space, "none"), Stop));
        Assert.Equal(ApiFailure.NotFound, missing.Failure);
        Assert.Contains($"get configmaps {space}/none", missing.Message, StringComparison.Ordinal);

        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "one"), null, Stop);
        ApiException twice = await Assert.ThrowsAsync<ApiException>(() => maps.CreateAsync(TestNamespaces.ConfigMap(space, "one"), null, Stop));
        Assert.Equal(ApiFailure.AlreadyExists, twice.Failure);

        var service = new V1Service { Metadata = new() { NamespaceProperty = space, Name = "s" }, Spec = new() { Ports = [new() { Port = 99999 }] } };
        ApiException invalid = await Assert.ThrowsAsync<ApiException>(() => cluster.Admin.Resource(KnownResources.Services).CreateAsync(service, null, Stop));
        Assert.Equal(ApiFailure.Invalid, invalid.Failure);
        Assert.Contains(invalid.Causes, c => c.Field == "spec.ports[0].port");
    }

    [Fact]
    public async Task WhoMayNotIsToldSo()
    {
        string space = await cluster.NamespaceAsync();
        using KubernetesClient nobody = cluster.Server.Client(ApiServer.NobodyToken);
        ApiException error = await Assert.ThrowsAsync<ApiException>(() => nobody.Resource(KnownResources.Pods).ListAsync(new() { Namespace = space }, Stop));
        Assert.Equal(ApiFailure.Forbidden, error.Failure);
        Assert.Contains("nobody", error.Message, StringComparison.Ordinal);
        Assert.Equal(new("list", "pods"), error.MissingVerb);

        using KubernetesClient stranger = cluster.Server.Client("token-that-nobody-has");
        Assert.Equal(ApiFailure.Unauthorized, (await Assert.ThrowsAsync<ApiException>(() => stranger.Resource(KnownResources.Pods).ListAsync(new() { Namespace = space }, Stop))).Failure);
    }

    [Fact]
    public async Task ARecordWithoutAllFieldsReplacesNothing()
    {
        var pod = new V1Pod { Metadata = new() { NamespaceProperty = "default", Name = "p" } };
        await Assert.ThrowsAsync<InvalidOperationException>(() => cluster.Admin.Resource(KnownResources.Pods).UpdateAsync(pod, null, Stop));
    }

    [Fact]
    public async Task ANameThatWouldBeAnotherPathIsRefused()
    {
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        await Assert.ThrowsAsync<ArgumentException>(() => maps.GetAsync(new("default", "../secrets/x"), Stop));
        await Assert.ThrowsAsync<ArgumentException>(() => maps.GetAsync(new("a/b", "x"), Stop));
        await Assert.ThrowsAsync<ArgumentException>(() => maps.GetAsync(new("x"), Stop));
    }

    [Fact]
    public async Task ApplyOwnsItsFieldsAndTakesOthersOnlyByForce()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        ReadOnlyMemory<byte> Wanted(string value) => Encoding.UTF8.GetBytes($$$"""{"apiVersion":"v1","kind":"ConfigMap","metadata":{"name":"one"},"data":{"value":"{{{value}}}"}}""");
        V1ConfigMap made = await maps.ApplyAsync(new(space, "one"), Wanted("1"), new("first"), Stop);
        Assert.Equal("1", made.Data["value"]);

        ApiException conflict = await Assert.ThrowsAsync<ApiException>(() => maps.ApplyAsync(new(space, "one"), Wanted("2"), new("second"), Stop));
        Assert.Equal(ApiFailure.Conflict, conflict.Failure);
        Assert.Contains(conflict.Causes, c => c.Reason == "FieldManagerConflict" && c.Field == ".data.value");
        Assert.Equal("2", (await maps.ApplyAsync(new(space, "one"), Wanted("2"), new("second") { Force = true }, Stop)).Data["value"]);
        Assert.Contains("second", await cluster.Server.KubectlAsync("", "get", "--raw", $"/api/v1/namespaces/{space}/configmaps/one"), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ADryRunChangesNothing()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        await maps.CreateAsync(TestNamespaces.ConfigMap(space, "one"), new() { DryRun = true }, Stop);
        Assert.Null(await maps.FindAsync(new(space, "one"), Stop));
    }

    [Fact]
    public async Task DeletionHeedsIdAndVersion()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        V1ConfigMap made = await maps.CreateAsync(TestNamespaces.ConfigMap(space, "one"), null, Stop);
        var other = new DeleteOptions { Uid = "00000000-0000-0000-0000-000000000000" };
        Assert.Equal(ApiFailure.Conflict, (await Assert.ThrowsAsync<ApiException>(() => maps.DeleteAsync(new(space, "one"), other, Stop))).Failure);
        var old = new DeleteOptions { ResourceVersion = "1" };
        Assert.Equal(ApiFailure.Conflict, (await Assert.ThrowsAsync<ApiException>(() => maps.DeleteAsync(new(space, "one"), old, Stop))).Failure);
        await maps.DeleteAsync(new(space, "one"), new() { Uid = made.Metadata.Uid, ResourceVersion = made.Metadata.ResourceVersion, Propagation = Propagation.Background }, Stop);
        Assert.Null(await maps.FindAsync(new(space, "one"), Stop));
    }

    [Fact]
    public async Task AFinalizerKeepsAnObjectUntilItIsTakenAway()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        V1ConfigMap wanted = TestNamespaces.ConfigMap(space, "one");
        await maps.CreateAsync(wanted with { Metadata = wanted.Metadata with { Finalizers = ["culvert.dev/test"] } }, null, Stop);
        await maps.DeleteAsync(new(space, "one"), null, Stop);
        V1ConfigMap ending = await maps.GetAsync(new(space, "one"), Stop);
        Assert.NotNull(ending.Metadata.DeletionTimestamp);
        await maps.PatchAsync(new(space, "one"), Patch.Operations("""[{"op":"remove","path":"/metadata/finalizers"}]"""u8.ToArray()), null, Stop);
        Assert.Null(await maps.FindAsync(new(space, "one"), Stop));
    }

    [Fact]
    public async Task AllPagesAreRead()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        await Task.WhenAll(Enumerable.Range(0, 25).Select(i => maps.CreateAsync(TestNamespaces.ConfigMap(space, $"m{i}", "", ("even", i % 2 == 0 ? "yes" : "no")), null, Stop)));
        ResourcePage<V1ConfigMap> first = await maps.ListPageAsync(new() { Namespace = space, Limit = 10 }, Stop);
        Assert.Equal(10, first.Items.Count);
        Assert.NotNull(first.Continue);
        Assert.Equal(15, first.Remaining);
        ResourcePage<V1ConfigMap> all = await maps.ListAsync(new() { Namespace = space, Limit = 10 }, Stop);
        Assert.Equal(25, all.Items.Select(m => m.Metadata.Name).Distinct().Count());
        Assert.Null(all.Continue);
        Assert.Equal(13, (await maps.ListAsync(new() { Namespace = space, LabelSelector = "even=yes" }, Stop)).Items.Count);
        Assert.Equal("m3", Assert.Single((await maps.ListAsync(new() { Namespace = space, FieldSelector = "metadata.name=m3" }, Stop)).Items).Metadata.Name);
    }

    [Fact]
    public async Task LargeListsAreReadInPagesAndRefusedAboveTheLimit()
    {
        string space = await cluster.NamespaceAsync();
        IResourceClient<V1ConfigMap> maps = cluster.Admin.Resource(KnownResources.ConfigMaps);
        string large = new('x', 256 << 10);
        for (int i = 0; i < 8; i++) await maps.CreateAsync(TestNamespaces.ConfigMap(space, $"m{i}", large), null, Stop);
        using KubernetesClient bounded = cluster.Server.Client(options: ApiServer.Unlimited with { MaxResponseBytes = 1 << 20 });
        IResourceClient<V1ConfigMap> few = bounded.Resource(KnownResources.ConfigMaps);
        ApiException error = await Assert.ThrowsAsync<ApiException>(() => few.ListAsync(new() { Namespace = space, Limit = 0 }, Stop));
        Assert.Equal(ApiFailure.BadResponse, error.Failure);
        Assert.Equal(8, (await few.ListAsync(new() { Namespace = space, Limit = 2 }, Stop)).Items.Count);
    }

    [Fact]
    public async Task ATokenReviewSaysWhoseTokenItIs()
    {
        IResourceClient<V1TokenReview> reviews = cluster.Admin.Resource(KnownResources.TokenReviews);
        V1TokenReview review = await reviews.CreateAsync(new() { Spec = new() { Token = ApiServer.ReaderToken } }, null, Stop);
        Assert.True(review.Status.Authenticated);
        Assert.Equal("reader", review.Status.User.Username);
        Assert.Contains("readers", review.Status.User.Groups);
        Assert.False((await reviews.CreateAsync(new() { Spec = new() { Token = "nobody's" } }, null, Stop)).Status.Authenticated);
    }

    [Fact]
    public async Task EveryKindOfAMeshIsReadAsKubectlWritesIt()
    {
        string space = await cluster.NamespaceAsync();
        await cluster.Server.KubectlAsync(Samples.Everything.Replace("NAMESPACE", space, StringComparison.Ordinal), "apply", "-f", "-");
        V1Pod pod = await cluster.Admin.Resource(KnownResources.Pods).GetAsync(new(space, "web"), Stop);
        Assert.Equal(8080, pod.Spec.Containers[0].Ports[0].ContainerPort);
        Assert.Equal("http", pod.Spec.Containers[0].ReadinessProbe!.HttpGet!.Port.Value);
        Assert.Equal("9090", pod.Spec.Containers[0].LivenessProbe!.TcpSocket!.Port.Value);
        Assert.Equal("Pending", pod.Status.Phase);
        V1Service service = await cluster.Admin.Resource(KnownResources.Services).GetAsync(new(space, "web"), Stop);
        Assert.Equal("http", service.Spec.Ports[0].TargetPort!.Value);
        Assert.NotEmpty(service.Spec.ClusterIPs);
        Assert.Equal(["IPv4"], service.Spec.IpFamilies ?? ["IPv4"]);
        V1NetworkPolicy policy = await cluster.Admin.Resource(KnownResources.NetworkPolicies).GetAsync(new(space, "web"), Stop);
        Assert.Equal("In", policy.Spec.Ingress[0].FromProperty[0].PodSelector!.MatchExpressions[0].OperatorProperty);
        Assert.Equal("10.0.0.0/8", policy.Spec.Egress[0].To[0].IpBlock!.Cidr);
        V1Secret secret = await cluster.Admin.Resource(KnownResources.Secrets).GetAsync(new(space, "key"), Stop);
        Assert.Equal("hidden"u8.ToArray(), secret.Data["key"]);
        Assert.False((await cluster.Admin.Resource(KnownResources.ServiceAccounts).GetAsync(new(space, "web"), Stop)).AutomountServiceAccountToken);
        V1Node node = await cluster.Admin.Resource(KnownResources.Nodes).GetAsync(new($"node-of-{space}"), Stop);
        Assert.Equal(["10.1.0.0/24"], node.Spec.PodCIDRs);
        Assert.Equal("Active", (await cluster.Admin.Resource(KnownResources.Namespaces).GetAsync(new(space), Stop)).Status.Phase);
    }

    [Fact]
    public async Task AnEventIsTaken()
    {
        string space = await cluster.NamespaceAsync();
        var wanted = new Corev1Event
        {
            Metadata = new() { NamespaceProperty = space, GenerateName = "web." },
            InvolvedObject = new() { Kind = "Pod", NamespaceProperty = space, Name = "web", ApiVersion = "v1" },
            Reason = "Enrolled",
            Message = "for a test",
            Count = 1,
            FirstTimestamp = DateTime.UtcNow,
            LastTimestamp = DateTime.UtcNow,
            ReportingComponent = "culvert.dev/test",
        };
        Corev1Event made = await cluster.Admin.Resource(KnownResources.Events).CreateAsync(wanted, null, Stop);
        Assert.StartsWith("web.", made.Metadata.Name, StringComparison.Ordinal);
        Assert.Contains("Enrolled", await cluster.Server.KubectlAsync("", "get", "events", "-n", space), StringComparison.Ordinal);
    }

    [Fact]
    public async Task ALeaseKeepsFieldsThatAreNotKnown()
    {
        LeaseSpec spec = JsonSerializer.Deserialize("""{"holderIdentity":"a","strategy":"OldestEmulationVersion","renewTime":"2026-01-02T03:04:05.123456Z"}""", ObjectJson.Of<LeaseSpec>())!;
        string text = JsonSerializer.Serialize(spec with { HolderIdentity = "b" }, ObjectJson.Of<LeaseSpec>());
        Assert.Contains("\"strategy\":\"OldestEmulationVersion\"", text, StringComparison.Ordinal);
        Assert.Contains("\"renewTime\":\"2026-01-02T03:04:05.123456Z\"", text, StringComparison.Ordinal);
        await Task.CompletedTask;
    }
}
