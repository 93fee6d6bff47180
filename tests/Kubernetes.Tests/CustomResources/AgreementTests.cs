using System.Text.Json.Nodes;
using Culvert.Controller.CustomResources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Tests.Shared;

namespace Culvert.Kubernetes.Tests.CustomResources;

/// <summary>The API server takes and refuses what the folder source does, of which <c>OneModelTests</c> tells by the same samples.</summary>
[Collection(nameof(InstalledKinds))]
public sealed class AgreementTests(SharedCluster cluster, InstalledKinds kinds)
{
    public static TheoryData<string> Kinds => [.. CustomResourceTable.All.Select(r => r.Kind)];

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task TheServerRefusesWhatTheFolderSourceRefuses(string kind)
    {
        Assert.NotNull(cluster.Server);
        CustomResource resource = CustomResourceTable.Find(kind)!;
        string space = await cluster.NamespaceAsync();
        bool hasRules = await HasRulesAsync();
        List<string> wrong = [];
        foreach (ResourceSample sample in ResourceSamples.Of(resource).Where(s => s.BreaksRule is null && !s.HasUnknownField))
        {
            string? refusal = await RefusalAsync(resource, space, sample);
            bool isTaken = sample.IsGood || sample.IsForStatusOnly;
            if (refusal is null != isTaken) wrong.Add($"{sample}: {refusal ?? "is taken"}");
        }
        Assert.True(wrong.Count == 0, $"{wrong.Count} of them (rules: {hasRules}):\n{string.Join('\n', wrong)}");
    }

    /// <summary>CEL: Kubernetes 1.25 and newer refuse by the rules, older ones leave them out of the definition. The folder source refuses in either case.</summary>
    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task AServerThatKnowsRulesRefusesByThemWithTheirMessage(string kind)
    {
        Assert.NotNull(cluster.Server);
        CustomResource resource = CustomResourceTable.Find(kind)!;
        string space = await cluster.NamespaceAsync();
        bool hasRules = await HasRulesAsync();
        foreach (ResourceSample sample in ResourceTable.Of(kind).Where(s => s.BreaksRule is not null))
        {
            string? refusal = await RefusalAsync(resource, space, sample);
            if (hasRules) Assert.Contains(sample.BreaksRule!, refusal, StringComparison.Ordinal);
            else Assert.True(refusal is null, $"{sample}: {refusal}");
        }
    }

    private Task<string?> RefusalAsync(CustomResource resource, string space, ResourceSample sample)
    {
        var document = (JsonObject)sample.Document.DeepClone();
        if (!resource.IsClusterScoped) document["metadata"]!["namespace"] = space;
        return kinds.RefusalAsync(resource, space, document["metadata"]!["name"]!.ToString(), document.ToJsonString());
    }

    private async Task<bool> HasRulesAsync() =>
        (await cluster.Server.KubectlAsync("", "get", "crd", "workloads.culvert.dev", "-o", "jsonpath={.spec.versions[0].schema}")).Contains("x-kubernetes-validations", StringComparison.Ordinal);
}
