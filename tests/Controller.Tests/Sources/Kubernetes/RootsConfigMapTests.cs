using System.Collections.Concurrent;
using Culvert.Controller.Hosting;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>The roots in a ConfigMap, from which agents of the cluster have them.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class RootsConfigMapTests(TestCluster cluster)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ItHasTheRootsAndFollowsThemAndSoItDoesWhenItIsAppliedAgain()
    {
        ResourceName name = new("culvert-system", "culvert-roots");
        await cluster.InstallControllerAsync();
        await using RunningOnCluster controller = await StartAsync(name);
        await HasRootsAsync(controller, name, 1);
        await cluster.InstallControllerAsync();
        await HasRootsAsync(controller, name, 1);
        await ((BuiltInCertificateAuthority)controller.Host.Authority).RotateRootAsync(signNow: false, TestContext.Current.CancellationToken);
        await HasRootsAsync(controller, name, 2);
    }

    [Fact]
    public async Task ThatItCantBeWrittenIsSaidOnceWithTheRemedyAndWhenItIsThere()
    {
        string ns = await cluster.NamespaceAsync();
        ResourceName name = new(ns, "roots");
        ConcurrentQueue<string> lines = [];
        using ILoggerFactory log = LoggerFactory.Create(l => l.AddProvider(new LineLogger(lines, LogLevel.Information)));
        await using RunningOnCluster controller = await StartAsync(name, log);
        await Soon.Holds("it is said", () => lines.Any(m => m.Contains($"The roots can't be written into the ConfigMap {name}", StringComparison.Ordinal) && m.Contains("there is none, apply deploy/controller", StringComparison.Ordinal)));
        await cluster.KubectlAsync($"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: roots, namespace: {ns}}}\ndata: {{other: text}}");
        await HasRootsAsync(controller, name, 1);
        Assert.Equal("text", (await FindAsync(name)).Data["other"]);
        Assert.Single(lines, m => m.Contains("can't be written into", StringComparison.Ordinal));
        await Soon.Holds("it is said", () => lines.Any(m => m.Contains($"are in the ConfigMap {name} again", StringComparison.Ordinal)));
    }

    [Fact]
    public async Task WithoutTheRoleItIsSaidWhichVerbIsMissing()
    {
        ConcurrentQueue<string> lines = [];
        using ILoggerFactory log = LoggerFactory.Create(l => l.AddProvider(new LineLogger(lines, LogLevel.Information)));
        await using RunningOnCluster controller = await RunningOnCluster.StartAsync(cluster.Options(ApiServer.NobodyToken), log, o => o with { RootsConfigMap = new("culvert-system", "culvert-roots") });
        await Soon.Holds("it is said", () => lines.Any(m => m.Contains("ConfigMap culvert-system/culvert-roots", StringComparison.Ordinal) && m.Contains("the controller's role lacks the verb patch on configmaps", StringComparison.Ordinal)));
    }

    private Task<RunningOnCluster> StartAsync(ResourceName name, ILoggerFactory? log = null) => RunningOnCluster.StartAsync(cluster.Options(), log, o => o with { RootsConfigMap = name });

    private Task<V1ConfigMap> FindAsync(ResourceName name) => cluster.Admin.Resource(KnownResources.ConfigMaps).GetAsync(name, Stop);

    private async Task HasRootsAsync(RunningOnCluster controller, ResourceName name, int count) => await Soon.Holds($"{name} has {count} roots", async () =>
    {
        if (!(await FindAsync(name)).Data.TryGetValue("roots.pem", out string? text)) return false;
        return text == RootsFile.Text(controller.Host.Authority) && text.Split("BEGIN CERTIFICATE").Length - 1 == count;
    });
}
