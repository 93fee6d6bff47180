using System.Text;
using System.Text.Json.Nodes;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Errors;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Support;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>For each verb that a role of <c>deploy</c> grants a service account with all of its roles but for that verb. All are made at once: from when the server heeds a role that is new nothing tells.</summary>
public sealed class NarrowedRoles(TestCluster cluster) : IAsyncLifetime
{
    private const string Api = "rbac.authorization.k8s.io", Space = ControllerWork.Space, Last = "narrowed-last";

    private static readonly ResourceType<PartialObject>[] Types =
    [
        KnownResources.Partial(Api, "v1", "roles", "Role"),
        KnownResources.Partial(Api, "v1", "rolebindings", "RoleBinding"),
        KnownResources.Partial(Api, "v1", "clusterroles", "ClusterRole") with { IsNamespaced = false },
        KnownResources.Partial(Api, "v1", "clusterrolebindings", "ClusterRoleBinding") with { IsNamespaced = false },
    ];

    private readonly GrantedVerb[] _verbs = [.. DeployedRoles.Verbs];

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    /// <summary>The account that lacks a verb, of <c>culvert-system</c>.</summary>
    internal string AccountOf(GrantedVerb verb) => AccountOf(Array.IndexOf(_verbs, verb));

    public async ValueTask InitializeAsync()
    {
        if (!cluster.IsThere) return; // the tests say why
        foreach ((int number, GrantedVerb verb) in _verbs.Index()) await MakeAsync(AccountOf(number), verb);
        await MakeAsync(Last, null);

        // The server hears of objects of a kind one after the other.
        using KubernetesClient last = cluster.Server.Client(await cluster.TokenAsync(Space, Last));
        await Soon.Holds("the server heeds all roles", async () => await MayAsync(() => last.Resource(KnownResources.Namespaces).ListAsync(new(), Stop)) && await MayAsync(() => last.Resource(KnownResources.Secrets).GetAsync(new(Space, ControllerWork.Name), Stop)));
    }

    public async ValueTask DisposeAsync()
    {
        if (!cluster.IsThere) return;
        foreach (string account in _verbs.Index().Select(v => AccountOf(v.Index)).Append(Last))
        {
            foreach (JsonObject document in DeployedRoles.For(account, null))
            {
                ResourceType<PartialObject> type = TypeOf(document);
                await cluster.Admin.Resource(type).DeleteIfThereAsync(NameOf(document), null, Stop);
            }
            await cluster.Admin.Resource(KnownResources.ServiceAccounts).DeleteIfThereAsync(new(Space, account), null, Stop);
        }
    }

    private async Task MakeAsync(string account, GrantedVerb? without)
    {
        await cluster.Admin.Resource(KnownResources.ServiceAccounts).CreateAsync(new() { Metadata = new() { NamespaceProperty = Space, Name = account } }, null, Stop);
        foreach (JsonObject document in DeployedRoles.For(account, without))
            await cluster.Admin.Resource(TypeOf(document)).ApplyAsync(NameOf(document), Encoding.UTF8.GetBytes(document.ToJsonString()), new("tests"), Stop);
    }

    private static string AccountOf(int number) => $"narrowed-{number}";

    private static ResourceType<PartialObject> TypeOf(JsonObject document) => Types.Single(t => t.Kind == document["kind"]!.GetValue<string>());

    private static ResourceName NameOf(JsonObject document) => new(document["metadata"]!["namespace"]?.GetValue<string>() ?? "", document["metadata"]!["name"]!.GetValue<string>());

    private static async Task<bool> MayAsync(Func<Task> ask)
    {
        try
        {
            await ask();
            return true;
        }
        catch (ApiException e) when (e.Failure == ApiFailure.Forbidden)
        {
            return false;
        }
    }
}
