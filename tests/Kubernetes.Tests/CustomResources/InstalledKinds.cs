using Culvert.Controller.CustomResources;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;
using k8s.Models;

namespace Culvert.Kubernetes.Tests.CustomResources;

/// <summary>The definitions of <c>deploy/crds</c>, applied by kubectl to the API server that all tests share.</summary>
public sealed class InstalledKinds(SharedCluster cluster) : IAsyncLifetime
{
    /// <summary>What kubectl said.</summary>
    internal string Output { get; private set; } = "";

    internal SharedCluster Cluster => cluster;

    public async ValueTask InitializeAsync()
    {
        if (KubernetesBinaries.Missing is not null) return;
        Output = await ApplyAsync();
        IResourceClient<V1CustomResourceDefinition> definitions = cluster.Admin.Resource(KnownResources.CustomResourceDefinitions);
        foreach (CustomResource resource in CustomResourceTable.All)
        {
            await Soon.Holds($"{resource.Kind} is served", async () =>
            {
                V1CustomResourceDefinition definition = await definitions.GetAsync(new(resource.DefinitionName), CancellationToken.None);
                // A schema that is not structural is taken, and then not enforced.
                Assert.DoesNotContain(definition.Status.Conditions, c => c is { Type: "NonStructuralSchema", Status: "True" });
                return definition.Status.Conditions.Any(c => c is { Type: "Established", Status: "True" }) && await IsServedAsync(resource);
            });
        }
    }

    /// <summary>Applies them. A kubectl older than 1.23 holds rules (CEL) for a typing mistake unless it is told not to look; the server then leaves them out.</summary>
    internal Task<string> ApplyAsync() => cluster.Server.KubectlAsync("", "apply", "--validate=false", "-k", Repository.PathOf("deploy/crds"));

    public ValueTask DisposeAsync() => ValueTask.CompletedTask;

    /// <summary>Why the server refuses an object; null when it takes it. Nothing is kept.</summary>
    internal async Task<string?> RefusalAsync(CustomResource resource, string space, string name, string json)
    {
        try
        {
            await cluster.Admin.Resource(TypeOf(resource)).ApplyAsync(new(resource.IsClusterScoped ? "" : space, name), System.Text.Encoding.UTF8.GetBytes(json), new("tests") { DryRun = true, Force = true }, TestContext.Current.CancellationToken);
            return null;
        }
        catch (ApiException e) when (e.Failure is ApiFailure.Invalid or ApiFailure.BadRequest or ApiFailure.ServerError)
        {
            // 1.20 answers a list of which no managed fields can be told (a key of a map is missing) with 500.
            return e.Message;
        }
    }

    internal static ResourceType<PartialObject> TypeOf(CustomResource resource) =>
        new(CustomResourceTable.Group, CustomResourceTable.Version, resource.Plural, resource.Kind, ObjectJson.Of<PartialObject>()) { IsNamespaced = !resource.IsClusterScoped };

    private async Task<bool> IsServedAsync(CustomResource resource)
    {
        try
        {
            await cluster.Admin.Resource(TypeOf(resource)).ListPageAsync(new(), CancellationToken.None);

            // What kubectl finds a kind by comes later than its paths.
            return await cluster.Server.IsDiscoveredAsync(CustomResourceTable.Group, CustomResourceTable.Version, resource.Plural)
                && await cluster.Server.IsExplainedAsync(CustomResourceTable.Group, CustomResourceTable.Version, resource.Kind);
        }
        catch (ApiException e) when (e.Failure == ApiFailure.NotFound)
        {
            return false;
        }
    }
}
