using System.Collections.Concurrent;
using System.Net;
using System.Text;
using System.Text.Json;
using Culvert.Controller.Admission;
using Culvert.Controller.CustomResources;
using Culvert.Controller.Hosting;
using Culvert.Controller.Identity.BuiltIn;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>An API server that asks the controller about objects, as <c>deploy/controller/webhook.yaml</c> has it, but by an address of this machine.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class WebhookTests(TestCluster cluster)
{
    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task WhatIsWrongByItselfIsRefusedWithTheReasonAndAllElseIsStored()
    {
        string ns = await cluster.NamespaceAsync();
        await using TestWebhook webhook = await TestWebhook.ApplyAsync(cluster, ns);
        await using RunningOnCluster controller = await StartAsync();
        await webhook.MoveAsync(controller);
        await RefusesAsync(ns);

        // What no schema can say of each kind; there is no namespace that a MeshConfig could be told from others by.
        foreach (CustomResource resource in CustomResourceTable.All.Where(r => !r.IsClusterScoped))
        {
            ResourceSample[] samples = [.. ResourceSamples.Of(resource).Where(s => s.IsForStatusOnly && s.BreaksRule is null)];
            foreach (ResourceSample sample in samples)
            {
                sample.Document["metadata"]!["namespace"] = ns;
                string? refusal = await RefusalAsync(TestCluster.KindOf(resource.Kind), ns, sample.Document.ToJsonString());
                Assert.True(refusal?.Contains($"admission webhook \"{WebhookBundle.WebhookName}\" denied the request: ", StringComparison.Ordinal), $"{sample}: {refusal ?? "is taken"}");
            }
            System.Text.Json.Nodes.JsonObject good = ResourceSamples.Example(resource);
            good["metadata"]!["namespace"] = ns;
            Assert.Null(await RefusalAsync(TestCluster.KindOf(resource.Kind), ns, good.ToJsonString(), isDry: false));
        }
        string said = (await RefusalAsync(TestCluster.KindOf("Workload"), ns, Workload(ns, "culvert.dev/wieght")))!;
        Assert.Contains("denied the request: metadata.annotations.culvert.dev/wieght: unknown annotation; known are culvert.dev/accept-proxy-protocol", said, StringComparison.Ordinal);
        Assert.Null(await RefusalAsync(TestCluster.KindOf("Workload"), ns, Workload(ns, "culvert.dev/weight"), isDry: false));

        // A server that dropped the field would leave a rule for every source.
        said = (await RefusalAsync(TestCluster.KindOf("AuthorizationPolicy"), ns, $$"""{"apiVersion":"culvert.dev/v1alpha1","kind":"AuthorizationPolicy","metadata":{"name":"p","namespace":"{{ns}}"},"spec":{"action":"ALLOW","rules":[{"from":null}]} }"""))!;
        Assert.Contains("denied the request: spec.rules[0].from: has no value; give it one or leave the field out", said, StringComparison.Ordinal);
        said = (await RefusalAsync(TestCluster.KindOf("AuthorizationPolicy"), ns, $$"""{"apiVersion":"culvert.dev/v1alpha1","kind":"AuthorizationPolicy","metadata":{"name":"p","namespace":"{{ns}}"},"spec":{"selector":{"matchLabels":{"app":null} },"action":"ALLOW","rules":[{}]} }"""))!;
        Assert.Contains("denied the request: spec.selector.matchLabels.app: ", said, StringComparison.Ordinal);

        // Of what kubectl applies the server sees no such field.
        string policy = $"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: applied, namespace: {ns}}}\nspec:\n  action: ALLOW\n  rules:\n  - from:";
        await cluster.KubectlAsync($"{policy} [{{namespaces: [shop]}}]");
        Exception refused = await Assert.ThrowsAnyAsync<Exception>(() => cluster.KubectlAsync(policy));
        Assert.Contains("The AuthorizationPolicy \"applied\" is invalid: spec.rules[0].from: has no value; give it one or leave the field out", refused.Message, StringComparison.Ordinal);

        // Nor of one that is misspelt, where it is told not to look.
        string misspelt = $"{policy.Replace("from:", "form:", StringComparison.Ordinal)} [{{namespaces: [shop]}}]";
        refused = await Assert.ThrowsAnyAsync<Exception>(() => cluster.Server.KubectlAsync(misspelt, "apply", "--validate=false", "-f", "-"));
        Assert.Contains("The AuthorizationPolicy \"applied\" is invalid: spec.rules[0].form: unknown field; known are from, to", refused.Message, StringComparison.Ordinal);
        await cluster.Server.KubectlAsync("", "delete", "authorizationpolicies,peerauthentications,requestauthentications,trafficpolicies,workloads", "--all", "-n", ns);
    }

    [Fact]
    public async Task WhatIsThereAlreadyCanBeLabelledAndDeletedThoughItIsWrong()
    {
        string ns = await cluster.NamespaceAsync();
        ResourceType<ApiDocument> workloads = TestCluster.KindOf("Workload").Type;
        await cluster.KubectlAsync(Workload(ns, "culvert.dev/wieght").Replace("\"name\":\"w\"", "\"name\":\"old\",\"finalizers\":[\"culvert.dev/test\"]", StringComparison.Ordinal));
        await using TestWebhook webhook = await TestWebhook.ApplyAsync(cluster, ns);
        await using RunningOnCluster controller = await StartAsync();
        await webhook.MoveAsync(controller);
        await RefusesAsync(ns);
        ResourceName name = new(ns, "old");
        await PatchAsync("""{"metadata":{"labels":{"app":"web"}}}""");
        ApiException e = await Assert.ThrowsAsync<ApiException>(() => PatchAsync("""{"spec":{"enrolled":false}}"""));
        Assert.Contains("culvert.dev/wieght", e.Message, StringComparison.Ordinal);
        await cluster.Admin.Resource(workloads).DeleteAsync(name, null, Stop);
        await PatchAsync("""{"metadata":{"finalizers":null}}""");
        Assert.Null(await cluster.Admin.Resource(workloads).FindAsync(name, Stop));

        Task PatchAsync(string document) => cluster.Admin.Resource(workloads).PatchAsync(name, Patch.Merge(Encoding.UTF8.GetBytes(document)), null, Stop);
    }

    [Fact]
    public async Task WithoutTheControllerItsKindsAreRefusedAndNoOthersUntilItIsBack()
    {
        string ns = await cluster.NamespaceAsync();
        ApiKind workloads = TestCluster.KindOf("Workload");
        int port;
        await using TestWebhook webhook = await TestWebhook.ApplyAsync(cluster, ns);
        await Soon.Holds("it fails closed", async () => (await RefusalAsync(workloads, ns, Workload(ns, "culvert.dev/weight")))?.Contains($"failed calling webhook \"{WebhookBundle.WebhookName}\"", StringComparison.Ordinal) == true);
        await using (RunningOnCluster first = await StartAsync())
        {
            port = first.Host.WebhookEndPoint!.Port;
            await webhook.MoveAsync(first);
            await RefusesAsync(ns);
        }
        Assert.Contains("failed calling webhook", await RefusalAsync(workloads, ns, Workload(ns, "culvert.dev/weight")), StringComparison.Ordinal);
        await cluster.KubectlAsync($"apiVersion: v1\nkind: ConfigMap\nmetadata: {{name: other, namespace: {ns}}}");

        // With roots of its own, as after its state was lost.
        await using RunningOnCluster second = await StartAsync(port);
        await RefusesAsync(ns);
        await Soon.Holds("good ones are taken", async () => await RefusalAsync(workloads, ns, Workload(ns, "culvert.dev/weight")) is null);
    }

    [Fact]
    public async Task TheRootsFollowTheAuthorityAndOtherFieldsStayAsTheyAre()
    {
        string ns = await cluster.NamespaceAsync();
        await using TestWebhook webhook = await TestWebhook.ApplyAsync(cluster, ns);
        await using RunningOnCluster controller = await StartAsync();
        await webhook.MoveAsync(controller);
        await RefusesAsync(ns);
        await HasRootsAsync(controller, 1);
        string before = await RestAsync();
        var authority = (BuiltInCertificateAuthority)controller.Host.Authority;

        // Of the roots of before and after, whichever the server has heard of: no request may fail meanwhile.
        await authority.RotateRootAsync(signNow: true, TestContext.Current.CancellationToken);
        for (int i = 0; i < 20; i++) Assert.Null(await RefusalAsync(TestCluster.KindOf("Workload"), ns, Workload(ns, "culvert.dev/weight")));
        await HasRootsAsync(controller, 2);
        for (int i = 0; i < 20; i++) Assert.Null(await RefusalAsync(TestCluster.KindOf("Workload"), ns, Workload(ns, "culvert.dev/weight")));

        // As `culvert upgrade` and kubectl apply it again.
        await cluster.Server.KubectlAsync(webhook.Text, "apply", "-f", "-", "--server-side", "--force-conflicts");
        Assert.Equal(before, await RestAsync());
        Assert.Equal(RootsFile.Text(authority), await RootsAsync());
    }

    [Fact]
    public async Task ThatTheRootsCantBeWrittenIsSaidOnceWithTheRemedyAndWhenTheyAreThere()
    {
        string ns = await cluster.NamespaceAsync();
        ConcurrentQueue<string> lines = [];
        using ILoggerFactory log = LoggerFactory.Create(l => l.AddProvider(new LineLogger(lines, LogLevel.Information)));
        await using RunningOnCluster controller = await StartAsync(log: log);
        await Soon.Holds("it is said", () => lines.Any(m => m.Contains("into the ValidatingWebhookConfiguration culvert-test", StringComparison.Ordinal) && m.Contains("there is none, apply deploy/controller", StringComparison.Ordinal)), () => string.Join('\n', lines));
        await using TestWebhook webhook = await TestWebhook.ApplyAsync(cluster, ns);
        await webhook.MoveAsync(controller);
        await RefusesAsync(ns);
        await Soon.Holds("it is said", () => lines.Any(m => m.Contains("are in the ValidatingWebhookConfiguration culvert-test again", StringComparison.Ordinal)));
        Assert.Single(lines, m => m.Contains("can't be written into", StringComparison.Ordinal));
    }

    [Fact]
    public async Task AConfigurationWithoutTheWebhookIsLeftAloneAndThatIsSaid()
    {
        string ns = await cluster.NamespaceAsync();
        ConcurrentQueue<string> lines = [];
        using ILoggerFactory log = LoggerFactory.Create(l => l.AddProvider(new LineLogger(lines, LogLevel.Information)));
        await using TestWebhook webhook = await TestWebhook.ApplyAsync(cluster, ns, "other.culvert.dev");
        await using RunningOnCluster controller = await StartAsync(log: log);
        await Soon.Holds("it is said", () => lines.Any(m => m.Contains($"it has no webhook {WebhookBundle.WebhookName}", StringComparison.Ordinal)), () => string.Join('\n', lines));
        Assert.Equal("", await RootsAsync());
    }

    /// <summary>Waits until a bad object is refused by the webhook, as it is once the server has heard of it and of the roots.</summary>
    private Task RefusesAsync(string ns)
    {
        string? said = null;
        return Soon.Holds(
            "the server asks",
            async () => (said = await RefusalAsync(TestCluster.KindOf("Workload"), ns, Workload(ns, "culvert.dev/wieght")))?.Contains("denied the request", StringComparison.Ordinal) == true,
            () => said ?? "it is taken");
    }

    private static string Workload(string ns, string annotation) =>
        $$"""{"apiVersion":"culvert.dev/v1alpha1","kind":"Workload","metadata":{"name":"w","namespace":"{{ns}}","annotations":{"{{annotation}}":"3"} },"spec":{"node":"n9","addresses":["10.99.0.1"]} }""";

    private async Task<string?> RefusalAsync(ApiKind kind, string ns, string document, bool isDry = true)
    {
        string name = JsonDocument.Parse(document).RootElement.GetProperty("metadata").GetProperty("name").GetString()!;
        try
        {
            await cluster.Admin.Resource(kind.Type).ApplyAsync(new(ns, name), Encoding.UTF8.GetBytes(document), new("tests") { DryRun = isDry, Force = true }, Stop);
            return null;
        }
        catch (ApiException e)
        {
            return e.Message;
        }
    }

    private Task<RunningOnCluster> StartAsync(int port = 0, ILoggerFactory? log = null) =>
        RunningOnCluster.StartAsync(cluster.Options(), log, o => o with { Admission = new(new(IPAddress.Loopback, port)) { Configuration = TestWebhook.Name } });

    private async Task HasRootsAsync(RunningOnCluster controller, int count) => await Soon.Holds(
        $"it has {count} roots", async () => await RootsAsync() is var text && text == RootsFile.Text(controller.Host.Authority) && text.Split("BEGIN CERTIFICATE").Length - 1 == count);

    private async Task<string> RootsAsync() => Encoding.ASCII.GetString(Convert.FromBase64String(await GetAsync("jsonpath={.webhooks[0].clientConfig.caBundle}")));

    private Task<string> RestAsync() => GetAsync("jsonpath={.webhooks[0].clientConfig.url} {.webhooks[0].rules} {.webhooks[0].namespaceSelector} {.webhooks[0].failurePolicy} {.webhooks[0].timeoutSeconds} {.webhooks[*].name}");

    private Task<string> GetAsync(string output) => cluster.Server.KubectlAsync("", "get", "validatingwebhookconfiguration", TestWebhook.Name.Name, "-o", output);
}
