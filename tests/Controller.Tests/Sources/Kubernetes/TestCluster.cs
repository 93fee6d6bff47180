using System.Globalization;
using System.Text;
using System.Text.Json;
using Culvert.Controller.CustomResources;
using Culvert.Controller.Objects;
using Culvert.Controller.Sources.Kubernetes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Configuration;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;
using k8s.Models;
using Microsoft.Extensions.Logging;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>An API server with the kinds of the mesh. Its tests run one after the other, in namespaces of their own.</summary>
public sealed class TestCluster : IAsyncLifetime
{
    private readonly Culvert.Kubernetes.Tests.Support.TempFolder _audit = new();
    private ApiServer? _server;
    private KubernetesClient? _admin;

    /// <summary>Whether there can be one; without it <see cref="Server"/> skips the test that asks for it.</summary>
    internal bool IsThere => _server is not null;

    internal ApiServer Server
    {
        get
        {
            Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
            return _server!;
        }
    }

    /// <summary>The server's version: 20 for 1.20.</summary>
    internal int Minor { get; private set; }

    internal KubernetesClient Admin => Server is not null ? _admin! : null!;

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    public async ValueTask InitializeAsync()
    {
        if (KubernetesBinaries.Missing is not null) return;
        string version = await Tool.RunAsync(KubernetesBinaries.Of("kube-apiserver"), "", ["--version"]);
        Minor = int.Parse(version.Split('.')[1], CultureInfo.InvariantCulture);
        bool isOld = Minor == 20;
        string policy = _audit.Write("policy.yaml", $$"""
            apiVersion: audit.k8s.io/v1
            kind: Policy
            rules:
            - {level: Metadata, userGroups: ["system:serviceaccounts:culvert-system"]}
            - {level: None}
            """);
        _server = await ApiServer.StartAsync([$"--audit-policy-file={policy}", $"--audit-log-path={_audit.File("log")}", "--audit-log-mode=blocking", "--enable-aggregator-routing=true", .. (string[])(isOld ? ["--runtime-config=discovery.k8s.io/v1beta1=false"] : [])]);
        _admin = _server.Client();
        await InstallAsync();

        // Kubernetes 1.20 does not have it yet.
        if (isOld) await InstallWithoutSchemaAsync(KindOf("EndpointSlice").Type);
        await KubectlAsync("apiVersion: v1\nkind: Namespace\nmetadata: {name: culvert-system}");
    }

    public async ValueTask DisposeAsync()
    {
        _admin?.Dispose();
        if (_server is not null) await _server.DisposeAsync();
        _audit.Dispose();
    }

    /// <summary>How much service accounts of <c>culvert-system</c> have asked of the server until now, for <see cref="Audited"/>.</summary>
    internal long AuditedSize => File.Exists(_audit.File("log")) ? new FileInfo(_audit.File("log")).Length : 0;

    /// <summary>What they have asked since: an entry for each request and for each answer.</summary>
    /// <param name="since">The size then, when nobody asked.</param>
    internal IReadOnlyList<JsonElement> Audited(long since)
    {
        if (!File.Exists(_audit.File("log"))) return [];
        using FileStream file = new(_audit.File("log"), FileMode.Open, FileAccess.Read, FileShare.ReadWrite);
        using StreamReader reader = new(file);
        file.Position = since;

        // The last line may be in the middle of being written.
        string text = reader.ReadToEnd();
        return [.. text[..(text.LastIndexOf('\n') + 1)].Split('\n', StringSplitOptions.RemoveEmptyEntries).Select(l => JsonDocument.Parse(l).RootElement)];
    }

    internal static ApiKind KindOf(string kind) => ApiKind.All.Single(k => k.Type.Kind == kind);

    /// <summary>Installs the kinds of the mesh as <c>deploy/crds</c> has them, as people do, and waits until they are served. Older servers leave the rules (CEL) out, which a kubectl of theirs is told not to mind.</summary>
    internal async Task InstallAsync()
    {
        await Server.KubectlAsync("", "apply", "--validate=false", "-k", Repository.PathOf("deploy/crds"));
        foreach (ApiKind kind in ApiKind.All.Where(k => k.Status == StatusForm.Conditions)) await IsServedAsync(kind.Type);

        foreach (CustomResource resource in CustomResourceTable.All) await IsDiscoveredAsync(CustomResourceTable.Group, CustomResourceTable.Version, resource.Plural);
    }

    /// <summary>Installs a kind with a schema that takes everything, and waits until it is served.</summary>
    /// <param name="type">The kind, in the version in which objects are stored.</param>
    /// <param name="others">Other versions that are served.</param>
    /// <param name="isServed">Whether the version in which objects are stored is.</param>
    internal async Task InstallWithoutSchemaAsync(ResourceType<ApiDocument> type, string[]? others = null, bool isServed = true)
    {
        const string Anything = """ "schema":{"openAPIV3Schema":{"type":"object","x-kubernetes-preserve-unknown-fields":true} } """;
        string stored = $$"""{"name":"{{type.Version}}","served":{{(isServed ? "true" : "false")}},"storage":true,"subresources":{"status":{ } },{{Anything}}}""";
        string definition = $$$"""
            {"apiVersion":"apiextensions.k8s.io/v1","kind":"CustomResourceDefinition",
             "metadata":{"name":"{{{type.FullName}}}","annotations":{"api-approved.kubernetes.io":"unapproved, test only"}},
             "spec":{"group":"{{{type.Group}}}","scope":"{{{(type.IsNamespaced ? "Namespaced" : "Cluster")}}}","names":{"plural":"{{{type.Plural}}}","singular":"{{{type.Kind.ToLowerInvariant()}}}","kind":"{{{type.Kind}}}"},
             "versions":[{{{string.Join(',', (others ?? []).Select(v => $$"""{"name":"{{v}}","served":true,"storage":false,{{Anything}}}""").Append(stored))}}}] } }
            """;
        await Admin.Resource(KnownResources.CustomResourceDefinitions).ApplyAsync(new(type.FullName), Encoding.UTF8.GetBytes(definition), new("tests"), Stop);
        if (isServed) await IsServedAsync(type);
        foreach (string version in (others ?? []).Concat(isServed ? [type.Version] : [])) await IsDiscoveredAsync(type.Group, version, type.Plural);
    }

    /// <summary>Installs what <c>deploy/controller</c> has. Nothing runs in it and there is no network of Services, so the webhook of it is for objects with a label that none has.</summary>
    internal async Task InstallControllerAsync()
    {
        string objects = await Server.KubectlAsync("", "kustomize", Repository.PathOf("deploy/controller"));
        Assert.Contains("  failurePolicy: Fail\n", objects, StringComparison.Ordinal);

        // Servers before 1.21 have budgets in another version, as `culvert install` knows.
        if (Minor < 21) objects = string.Join("---\n", objects.Split("---\n").Where(o => !o.Contains("kind: PodDisruptionBudget\n", StringComparison.Ordinal)));
        await KubectlAsync(objects.Replace("  failurePolicy: Fail\n", "  failurePolicy: Fail\n  objectSelector: {matchLabels: {culvert.dev/test: nobody}}\n", StringComparison.Ordinal));
    }

    private Task IsDiscoveredAsync(string group, string version, string plural) => Soon.Holds($"kubectl finds {plural}.{version}.{group}", () => Server.IsDiscoveredAsync(group, version, plural));

    private Task IsServedAsync(ResourceType<ApiDocument> type) => Soon.Holds($"{type} are served", async () =>
    {
        try
        {
            await Admin.Resource(type).ListAsync(new(), Stop);
            return true;
        }
        catch (ApiException e) when (e.Failure == ApiFailure.NotFound)
        {
            return false;
        }
    });

    /// <summary>Takes a kind away, with all its objects.</summary>
    internal async Task UninstallAsync(ApiKind kind)
    {
        await Admin.Resource(KnownResources.CustomResourceDefinitions).DeleteAsync(new(kind.Type.FullName), null, Stop);
        await Soon.Holds($"{kind.Type} are gone", async () => await Admin.Resource(KnownResources.CustomResourceDefinitions).FindAsync(new(kind.Type.FullName), Stop) is null);
    }

    /// <summary>One of the kinds that a cluster need not have.</summary>
    internal static OptionalKind OptionalKindOf(ObjectKind kind) => OptionalKind.All.Single(k => k.Kind == kind);

    /// <summary>Applies documents, as people do.</summary>
    internal Task<string> KubectlAsync(string yaml, string verb = "apply") => Server.KubectlAsync(yaml, verb, "-f", "-");

    /// <summary>Makes a namespace that no other test has, whose pods are in the mesh.</summary>
    internal async Task<string> NamespaceAsync(string mesh = "enabled")
    {
        var wanted = new V1Namespace { Metadata = new() { GenerateName = "test-", Labels = new Dictionary<string, string> { ["culvert.dev/mesh"] = mesh } } };
        return (await Admin.Resource(KnownResources.Namespaces).CreateAsync(wanted, null, Stop)).Metadata.Name!;
    }

    /// <summary>Makes a pod that runs, as scheduler and kubelet would have it.</summary>
    internal async Task PodAsync(string ns, string name, string addresses, string labels = "", string spec = "", string status = "", string node = "n1")
    {
        await KubectlAsync($$$"""
            apiVersion: v1
            kind: Pod
            metadata: {name: {{{name}}}, namespace: {{{ns}}}, labels: { {{{labels}}} } }
            spec: {nodeName: {{{node}}}, {{{spec}}} containers: [{name: main, image: none, ports: [{name: web, containerPort: 8080}]}]}
            """);
        await PodStatusAsync(ns, name, addresses, status);
    }

    /// <summary>Says how a pod is, as the kubelet would.</summary>
    internal async Task PodStatusAsync(string ns, string name, string addresses, string status = "")
    {
        string[] all = addresses.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        string ips = all.Length == 0 ? "" : $"\"podIP\":\"{all[0]}\",\"podIPs\":[{string.Join(',', all.Select(a => $"{{\"ip\":\"{a}\"}}"))}],";
        string document = $"{{\"status\":{{{ips}{status}\"hostIP\":\"192.0.2.1\"{(status.Contains("phase", StringComparison.Ordinal) ? "" : ",\"phase\":\"Running\"")}}}}}";
        await Admin.Resource(KnownResources.Pods).PatchStatusAsync(new(ns, name), Encoding.UTF8.GetBytes(document), "tests", Stop);
    }

    /// <summary>A token of a service account, as the kubelet asks for it.</summary>
    /// <param name="ns">Namespace of the account, which is there.</param>
    /// <param name="account">The account.</param>
    /// <param name="audience">Whom it is for; null: the API server.</param>
    /// <param name="pod">The pod that it is bound to, which is there; null: none.</param>
    internal async Task<string> TokenAsync(string ns, string account, string? audience = null, string? pod = null)
    {
        string bound = "";
        if (pod is not null)
        {
            V1Pod made = await Admin.Resource(KnownResources.Pods).GetAsync(new(ns, pod), Stop);
            bound = $",\"boundObjectRef\":{{\"apiVersion\":\"v1\",\"kind\":\"Pod\",\"name\":\"{pod}\",\"uid\":\"{made.Metadata.Uid}\"}}";
        }
        string audiences = audience is null ? "" : $"\"audiences\":[\"{audience}\"],";
        string request = $"{{\"apiVersion\":\"authentication.k8s.io/v1\",\"kind\":\"TokenRequest\",\"spec\":{{{audiences}\"expirationSeconds\":600{bound}}}}}";
        string answer = await Server.KubectlAsync(request, "create", "--raw", $"/api/v1/namespaces/{ns}/serviceaccounts/{account}/token", "-f", "-");
        return JsonDocument.Parse(answer).RootElement.GetProperty("status").GetProperty("token").GetString()!;
    }

    /// <summary>How a controller uses it, as somebody and without patience.</summary>
    internal KubernetesOptions Options(string token = ApiServer.AdminToken)
    {
        using Culvert.Kubernetes.Tests.Support.TempFolder folder = new();
        ClusterConfiguration configuration = Kubeconfig.Load([folder.Write("kubeconfig", Server.Kubeconfig(token))]);
        return new(configuration) { Reflector = new() { FirstBackoff = TimeSpan.FromMilliseconds(50), LongestBackoff = TimeSpan.FromMilliseconds(250) } };
    }

    /// <summary>A controller of it.</summary>
    internal async Task<RunningOnCluster> ControllerAsync(string token = ApiServer.AdminToken, ILoggerFactory? loggers = null) => await RunningOnCluster.StartAsync(Options(token), loggers);
}

/// <summary>The tests that share it.</summary>
[CollectionDefinition(Name)]
public sealed class TestClusterCollection : ICollectionFixture<TestCluster>
{
    internal const string Name = "Cluster";
}
