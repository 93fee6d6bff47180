using Culvert.Controller.Schema;
using Culvert.Controller.Sources.Folder;
using Culvert.Controller.Store;
using Microsoft.Extensions.Logging.Abstractions;

namespace Culvert.Controller.Tests.Store;

/// <summary>What a NetworkPolicy names comes and goes, and its warnings with it; what has not changed is not looked at again.</summary>
public sealed class NetworkPolicyWarningTests
{
    private const string Front = "podSelector: {matchLabels: {app: front}}";

    private readonly ObjectStore _store = new("test", new FolderStatus(), NullLogger.Instance, ObjectSet.Empty);
    private readonly FolderDeclarations _folder = new();
    private readonly SortedDictionary<string, SourceFile> _files = new(StringComparer.Ordinal);

    [Fact]
    public void A_warning_goes_when_what_the_policy_names_comes_and_is_back_when_that_goes()
    {
        string database = Policy("one", "{podSelector: {}, egress: [{to: [{namespaceSelector: {matchLabels: {team: data}}, podSelector: {matchLabels: {app: db}}}], ports: [{port: sql}]}]}");
        Assert.Equal(["spec.podSelector", "spec.egress[0].to[0]", "spec.egress[0].ports[0].port"], Change("policy.yaml", database));
        Assert.Equal(["spec.egress[0].to[0]", "spec.egress[0].ports[0].port"], Change("web.yaml", Workload("web", "shop", "app: web")));
        Assert.Equal(["spec.egress[0].to[0]"], Change("db.yaml", Workload("db", "store", "app: db", "ports: [{name: sql, port: 5432}]")));
        Assert.Equal([], Change("ns.yaml", Namespace("store", "data")));
        Assert.Equal(["spec.egress[0].ports[0].port"], Change("db.yaml", Workload("db", "store", "app: db", "ports: [{name: sql, port: 5432, protocol: UDP}]")));
        Assert.Equal(["spec.egress[0].to[0]", "spec.egress[0].ports[0].port"], Change("db.yaml", Workload("db", "store", "app: db", "hostNetwork: true, ports: [{name: sql, port: 5432}]")));
        Assert.Equal([], Change("db.yaml", Workload("db", "store", "app: db", "enrolled: false, ports: [{name: sql, port: 5432}]")));
        Assert.Equal(["spec.egress[0].to[0]"], Change("ns.yaml", Namespace("store", "web")));
        Assert.Equal([], Change("other.yaml", Namespace("shop", "data"), Workload("db", "shop", "app: db")));
        Assert.Equal(["spec.egress[0].to[0]"], Remove("other.yaml"));
        Assert.Equal(["spec.podSelector", "spec.egress[0].to[0]"], Remove("web.yaml"));
    }

    [Fact]
    public void Ports_by_name_of_ingress_are_those_of_the_selected()
    {
        Change("web.yaml", Workload("web", "shop", "app: web", "ports: [{name: http, port: 80}]"), Workload("other", "shop", "app: other", "ports: [{name: admin, port: 90}]"));
        Assert.Equal(["spec.ingress[0].ports[1].port"], Change("policy.yaml", Policy("one", "{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: http}, {port: admin}]}]}")));
        Assert.Equal([], Change("second.yaml", Workload("second", "shop", "app: web", "ports: [{name: admin, port: 91}]")));
        Assert.Equal(["spec.ingress[0].ports[1].port"], Change("second.yaml", Workload("second", "shop", "app: web")));
        Assert.Equal([], Change("policy.yaml", Policy("one", "{podSelector: {}, ingress: [{ports: [{port: http}, {port: admin}]}]}")));
    }

    [Fact]
    public void A_block_of_one_address_may_become_that_of_a_Service()
    {
        Change("web.yaml", Workload("web", "shop", "app: web"));
        Assert.Equal([], Change("policy.yaml", Policy("one", "{podSelector: {}, egress: [{to: [{ipBlock: {cidr: 10.96.0.1/32}}, {ipBlock: {cidr: 10.96.0.0/31}}]}]}")));
        Assert.Equal(["spec.egress[0].to[0]"], Change("service.yaml", "apiVersion: v1\nkind: Service\nmetadata: {name: web, namespace: shop}\nspec: {clusterIP: 10.96.0.1, selector: {app: web}, ports: [{port: 80}]}\n"));
        Assert.Equal([], Remove("service.yaml"));
    }

    [Fact]
    public void One_that_was_never_good_says_so_until_it_is_mended()
    {
        Change("web.yaml", Workload("web", "shop", "app: web"));
        Assert.Equal([""], Change("policy.yaml", Policy("one", $"{{podSelector: {{}}, ingress: [{{from: [{{{Front}}}], color: red}}]}}")));
        Assert.StartsWith("policy.yaml:1: NetworkPolicy shop/one: has errors and was never good", Assert.Single(_store.Current.Warnings).ToString(), StringComparison.Ordinal);
        Assert.Equal(["spec.ingress[0].from[0]"], Change("policy.yaml", Policy("one", $"{{podSelector: {{}}, ingress: [{{from: [{{{Front}}}]}}]}}")));
        // The last good version is in force, and is what the warning is about.
        Assert.Equal(["spec.ingress[0].from[0]"], Change("policy.yaml", Policy("one", $"{{podSelector: {{}}, ingress: [{{from: [{{{Front}}}], color: red}}]}}")));
    }

    [Fact]
    public void Warnings_that_a_change_does_not_reach_are_not_made_anew()
    {
        for (int i = 0; i < 20; i++) _files[$"p{i}.yaml"] = new($"p{i}.yaml", Policy($"p{i}", $"{{podSelector: {{matchLabels: {{app: a{i}}}}}, ingress: [{{from: [{{{Front}}}], ports: [{{port: n{i}}}]}}]}}"));
        Change("web.yaml", Workload("web", "shop", "app: web"));
        SourceError[] before = [.. _store.Current.Warnings];
        Assert.Equal(60, before.Length);
        Change("a7.yaml", Workload("a7", "shop", "app: a7", "ports: [{name: other, port: 1}]"));
        SourceError[] after = [.. _store.Current.Warnings];
        Assert.Equal(59, after.Length);
        Assert.Equal(57, after.Count(w => before.Any(b => ReferenceEquals(b, w))));
    }

    /// <summary>The fields of the warnings after a change.</summary>
    private string[] Change(string file, params string[] documents)
    {
        _files[file] = new(file, string.Join("---\n", documents));
        return Apply();
    }

    private string[] Remove(string file)
    {
        _files.Remove(file);
        return Apply();
    }

    private string[] Apply()
    {
        _store.Apply(new([.. _folder.Update([.. _files.Values])]) { IsSynced = true });
        return [.. _store.Current.Warnings.Select(w => w.Field)];
    }

    private static string Policy(string name, string spec) => $"apiVersion: networking.k8s.io/v1\nkind: NetworkPolicy\nmetadata: {{name: {name}, namespace: shop}}\nspec: {spec}\n";

    private static string Namespace(string name, string team) => $"apiVersion: v1\nkind: Namespace\nmetadata: {{name: {name}, labels: {{team: {team}}}}}\n";

    private static string Workload(string name, string ns, string labels, string more = "serviceAccount: default") =>
        $"apiVersion: culvert.dev/v1alpha1\nkind: Workload\nmetadata: {{name: {name}, namespace: {ns}, labels: {{{labels}}}}}\nspec: {{node: n1, addresses: [10.0.{name.Length}.{ns.Length}], {more}}}\n";
}
