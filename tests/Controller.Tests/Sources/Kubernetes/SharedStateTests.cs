using System.Collections.Concurrent;
using System.Text;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Controller.Identity.Federation;
using Culvert.Controller.Sharing;
using Culvert.Controller.Tests.Identity.Federation;
using Culvert.Controller.Tests.Identity.Upstream;
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

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>Controllers of one mesh that share a Secret: any of them serves any agent.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class SharedStateTests(TestCluster cluster)
{
    private const string Space = "culvert-system", Pod = "agent-shared";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task ANodeThatHasJoinedAtOneIsServedByTheOtherAlsoAfterARotation()
    {
        ResourceName secret = await SecretAsync();
        await using RunningOnCluster one = await StartAsync(secret), other = await StartAsync(secret);
        Assert.Equal(Assert.Single(one.Host.Authority.Roots).Span, Assert.Single(other.Host.Authority.Roots).Span);
        SslClientIdentity identity = await JoinAsync(one);
        using FakeAgent there = FakeAgent.OverTls(other.Host, "n1", identity);
        await there.OpenAsync();
        await there.NextAsync();

        await Authority(one).RotateRootAsync(signNow: true, Stop);
        await Soon.Holds("the other has the new root", () => other.Host.Authority.Roots.Length == 2 && other.Host.Authority.Roots[1].Span.SequenceEqual(one.Host.Authority.Roots[1].Span));
        (SslClientIdentity renewed, _) = await there.RenewAsync();
        using FakeAgent back = FakeAgent.OverTls(one.Host, "n1", renewed);
        await back.OpenAsync();
        await back.NextAsync();

        // Keys are in the Secret, and in no folder.
        V1Secret kept = await cluster.Admin.Resource(KnownResources.Secrets).GetAsync(secret, Stop);
        Assert.Equal(2, kept.Data.Keys.Count(k => k.EndsWith(RootFiles.KeySuffix, StringComparison.Ordinal)));
        Assert.Empty(Directory.EnumerateFiles(one.StateFolder, "*key*", SearchOption.AllDirectories));
    }

    [Fact]
    public async Task WhatIsRevokedAtOneIsRefusedByTheOtherAndByOneThatStartsLater()
    {
        ResourceName secret = await SecretAsync();
        await using RunningOnCluster one = await StartAsync(secret), other = await StartAsync(secret);
        SslClientIdentity identity = await JoinAsync(one);
        using FakeAgent there = FakeAgent.OverTls(other.Host, "n1", identity);
        await there.OpenAsync();
        await there.NextAsync();

        one.Host.CertifiedNodes.Revoke("n1");
        RpcException ended = await Assert.ThrowsAsync<RpcException>(async () =>
        {
            while (true) await there.NextAsync();
        });
        Assert.Equal(StatusCode.Unauthenticated, ended.StatusCode);
        await using RunningOnCluster later = await StartAsync(secret);
        using FakeAgent elsewhere = FakeAgent.OverTls(later.Host, "n1", identity);
        Assert.Equal(StatusCode.Unauthenticated, (await Assert.ThrowsAsync<RpcException>(async () =>
        {
            await elsewhere.OpenAsync();
            await elsewhere.NextAsync();
        })).StatusCode);

        // With its pod's token it joins again, wherever.
        using FakeAgent again = FakeAgent.OverTls(one.Host, "n1", await JoinAsync(later));
        await again.OpenAsync();
        await again.NextAsync();
    }

    [Fact]
    public async Task AMeshConfigThatIsDeletedHoldsAlsoAtAControllerThatStartsLater()
    {
        ResourceName secret = await SecretAsync();
        await cluster.KubectlAsync(Mesh("{defaultAction: DENY}"));
        try
        {
            await using (RunningOnCluster one = await StartAsync(secret))
            {
                await one.SnapshotAsync(s => s.Mesh.DefaultAction == DefaultAction.Deny);
                await Soon.Holds("it is kept", async () => (await cluster.Admin.Resource(KnownResources.Secrets).GetAsync(secret, Stop)).Data.ContainsKey(SharedMeshConfig.Key));
            }
            await cluster.Server.KubectlAsync("", "delete", "meshconfig", "default");
            await using RunningOnCluster later = await StartAsync(secret);
            await later.ErrorsAsync("it is said", errors => errors.Any(e => e.Contains("is gone; the one that was here stays in force", StringComparison.Ordinal)));
            Assert.Equal(DefaultAction.Deny, later.Host.SnapshotFor("n1").Mesh.DefaultAction);

            await cluster.KubectlAsync(Mesh("{}"));
            await later.SnapshotAsync(s => s.Mesh.DefaultAction == DefaultAction.Allow);
        }
        finally
        {
            await cluster.Server.KubectlAsync("", "delete", "meshconfig", "default", "--ignore-not-found");
        }
    }

    [Fact]
    public async Task ABundleOfAnotherTrustDomainThatIsWithdrawnAtOneIsSoAtAllAndStaysSoWhereAPodTakesAnothersPlace()
    {
        using TempFolder folder = new();
        using CaFiles web = CaFiles.Make(), root = CaFiles.Make(), next = CaFiles.Make(), server = Bundles.WebServer(web, "localhost");
        await using BundleSite site = new(server);
        folder.Write("roots.pem", web.CertificatePem);
        folder.Write("first.pem", root.CertificatePem);
        folder.Write("f.yaml", $"trustDomain: partner.example\nbundle: first.pem\nbundleEndpoint: {{url: '{site.Url}', profile: https_web, webRoots: roots.pem}}\n");
        site.Tell(Bundles.Json(5, null, root));
        ResourceName secret = await SecretAsync();
        TimeSpan soon = TimeSpan.FromMilliseconds(50), never = TimeSpan.FromDays(1);
        await using (RunningOnCluster one = await StartFederatedAsync(soon), other = await StartFederatedAsync(never))
        {
            foreach (RunningOnCluster each in new[] { one, other }) await Soon.Holds("it has the first", () => Roots(each) is [var known] && known.Span.SequenceEqual(root.Certificate.RawData));

            // The other asks once a day.
            site.Tell(Bundles.Json(6, null, next));
            foreach (RunningOnCluster each in new[] { one, other }) await Soon.Holds("it has the next", () => Roots(each) is [var known] && known.Span.SequenceEqual(next.Certificate.RawData));
            await Soon.Holds("it is kept", async () => (await cluster.Admin.Resource(KnownResources.Secrets).GetAsync(secret, Stop)).Data.TryGetValue("federated-partner.example", out byte[]? kept) && KeptBundle.Read(Encoding.UTF8.GetString(kept)).Floor == 6);
        }

        // Nobody answers, and the file has what was withdrawn.
        site.Answer = _ => "";
        await using RunningOnCluster later = await StartFederatedAsync(soon);
        Assert.Equal(next.Certificate.RawData, Assert.Single(Roots(later)).ToArray());
        site.Tell(Bundles.Json(5, null, root));
        int asked = site.Asked;
        await Soon.Holds("it has asked twice", () => site.Asked >= asked + 2);
        Assert.Equal(next.Certificate.RawData, Assert.Single(Roots(later)).ToArray());

        Task<RunningOnCluster> StartFederatedAsync(TimeSpan interval) => StartAsync(
            secret, change: o => o with { Federation = new() { Path = folder.File("f.yaml"), Look = soon, Interval = interval, Shortest = interval, Longest = interval, Patience = TimeSpan.FromSeconds(1) } });

        static ReadOnlyMemory<byte>[] Roots(RunningOnCluster running) => [.. running.Host.SnapshotFor("n1").FederatedBundles.SelectMany(b => b.Roots)];
    }

    [Fact]
    public async Task WithoutTheSecretAControllerWaitsAndSaysWhatForAndStartsWhenItIsThere()
    {
        string ns = await cluster.NamespaceAsync();
        ResourceName secret = new(ns, "later");
        ConcurrentQueue<string> lines = [];
        using ILoggerFactory log = LoggerFactory.Create(l => l.AddProvider(new LineLogger(lines, LogLevel.Information)));
        Task<RunningOnCluster> starting = StartAsync(secret, log);
        await Soon.Holds("it is said", () => lines.Any(m => m.Contains($"Waiting for the Secret {secret}", StringComparison.Ordinal) && m.Contains("there is none, apply deploy/controller", StringComparison.Ordinal)));
        Assert.False(starting.IsCompleted);
        await MakeAsync(secret);
        await using RunningOnCluster running = await starting;
        Assert.Single(running.Host.Authority.Roots);
        Assert.Single(lines, m => m.Contains("Waiting for the Secret", StringComparison.Ordinal));
    }

    [Fact]
    public async Task KeysWithoutAnIndexAreAMeshThatHasLostItAndNotANewOne()
    {
        ResourceName secret = await SecretAsync();
        await using (RunningOnCluster first = await StartAsync(secret)) Assert.Single(first.Host.Authority.Roots);
        await cluster.Admin.Resource(KnownResources.Secrets).PatchAsync(secret, Patch.Merge(Encoding.UTF8.GetBytes($"{{\"data\":{{\"{RootFiles.IndexName}\":null}}}}")), null, Stop);
        InvalidDataException damaged = await Assert.ThrowsAsync<InvalidDataException>(() => StartAsync(secret));
        Assert.Contains($"the Secret {secret} is damaged", damaged.Message, StringComparison.Ordinal);
        Assert.Contains("Restore it from a backup", damaged.Message, StringComparison.Ordinal);
    }

    private static string Mesh(string spec) => $"apiVersion: culvert.dev/v1alpha1\nkind: MeshConfig\nmetadata: {{name: default}}\nspec: {spec}";

    private static BuiltInCertificateAuthority Authority(RunningOnCluster controller) => (BuiltInCertificateAuthority)controller.Host.Authority;

    private async Task<SslClientIdentity> JoinAsync(RunningOnCluster controller)
    {
        if (await cluster.Admin.Resource(KnownResources.Pods).FindAsync(new(Space, Pod), Stop) is null)
        {
            await cluster.KubectlAsync($"apiVersion: v1\nkind: ServiceAccount\nmetadata: {{name: culvert-agent, namespace: {Space}}}");
            await cluster.PodAsync(Space, Pod, "192.0.2.77", spec: "serviceAccountName: culvert-agent, hostNetwork: true,");
        }
        using FakeAgent agent = FakeAgent.OverTls(controller.Host, "n1");
        string token = await cluster.TokenAsync(Space, "culvert-agent", "culvert-controller", Pod);
        return await FakeAgent.PatientlyAsync(() => agent.JoinAsync(token));
    }

    private async Task<ResourceName> SecretAsync()
    {
        ResourceName name = new(await cluster.NamespaceAsync(), "culvert-controller");
        await MakeAsync(name);
        return name;
    }

    private Task<V1Secret> MakeAsync(ResourceName name) => cluster.Admin.Resource(KnownResources.Secrets).CreateAsync(new V1Secret { Metadata = new() { Name = name.Name, NamespaceProperty = name.Namespace } }, null, Stop);

    // Before it has read its objects a controller serves nobody.
    private async Task<RunningOnCluster> StartAsync(ResourceName secret, ILoggerFactory? log = null, Func<ControllerOptions, ControllerOptions>? change = null)
    {
        change ??= o => o;
        RunningOnCluster running = await RunningOnCluster.StartAsync(cluster.Options(), log, o => change(o with { StateSecret = secret, ServiceAccountTokens = new() }));
        await Soon.Holds("it has read its objects", () => running.Host.Version > 0);
        return running;
    }
}
