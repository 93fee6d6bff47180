using Culvert.Controller.CustomResources;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Tests.Cluster;

namespace Culvert.Kubernetes.Tests.CustomResources;

/// <summary>The definitions at a real API server, by kubectl.</summary>
[Collection(nameof(InstalledKinds))]
public sealed class DefinitionTests(SharedCluster cluster, InstalledKinds kinds)
{
    public static TheoryData<string> Kinds => [.. CustomResourceTable.All.Select(r => r.Kind)];

    [Fact]
    public async Task KubectlAppliesThemOnceAndAgain()
    {
        Assert.NotNull(cluster.Server);
        Assert.All(CustomResourceTable.All, r => Assert.Contains($"customresourcedefinition.apiextensions.k8s.io/{r.DefinitionName}", kinds.Output, StringComparison.Ordinal));
        string again = await kinds.ApplyAsync();

        // What a server leaves out, kubectl asks for again.
        string[] withRules = ["authorizationpolicies", "meshconfigs", "ratelimits", "trafficpolicies", "workloads"];
        Assert.All(again.Split('\n', StringSplitOptions.RemoveEmptyEntries), line => Assert.True(line.EndsWith(" unchanged", StringComparison.Ordinal) || withRules.Any(k => line.EndsWith($"/{k}.culvert.dev configured", StringComparison.Ordinal)), line));
    }

    [Theory]
    [MemberData(nameof(Kinds))]
    public async Task TheExampleOfTheReferenceIsTakenAndItsStatusShownInColumns(string kind)
    {
        CustomResource resource = CustomResourceTable.Find(kind)!;
        string space = resource.IsClusterScoped ? "" : await cluster.NamespaceAsync();
        Assert.NotNull(cluster.Server);
        string document = resource.Example.Replace("namespace: shop", $"namespace: {space}", StringComparison.Ordinal);
        string name = (await cluster.Server.KubectlAsync(document, "apply", "-f", "-", "-o", "jsonpath={.metadata.name}")).Trim();
        string[] where = resource.IsClusterScoped ? [] : ["-n", space];

        string condition = """{"type":"TYPE","status":"STATUS","reason":"Because","message":"of it","observedGeneration":1,"lastTransitionTime":"2026-01-02T03:04:05Z"}""";
        string conditions = string.Join(',', condition.Replace("TYPE", "Accepted").Replace("STATUS", "True"), condition.Replace("TYPE", "Programmed").Replace("STATUS", "False"));
        string status = """{"status":{"observedGeneration":1,"conditions":[CONDITIONS]}}""".Replace("CONDITIONS", conditions);
        await cluster.Admin.Resource(InstalledKinds.TypeOf(resource)).PatchAsync(new(space, name), Patch.Merge(System.Text.Encoding.UTF8.GetBytes(status)), new() { Subresource = "status" }, TestContext.Current.CancellationToken);

        // By the short name: kubectl knows it from the definition.
        string table = await cluster.Server.KubectlAsync("", ["get", resource.ShortNames[0], name, "--no-headers", .. where]);
        string[] cells = table.Split(' ', StringSplitOptions.RemoveEmptyEntries);
        Assert.Equal(name, cells[0]);
        Assert.Equal(["True", "False"], cells[^3..^1]);
        Assert.DoesNotContain("<none>", table, StringComparison.Ordinal);
        Assert.Contains(resource.Description[..20], await cluster.Server.KubectlAsync("", "explain", resource.Plural), StringComparison.Ordinal);
        await cluster.Server.KubectlAsync("", ["delete", resource.Plural, name, .. where]);
    }
}
