using Culvert.Controller.Compilation;
using Culvert.Controller.Objects;
using Culvert.Controller.Schema;
using Culvert.Controller.Store;
using Culvert.Core;

namespace Culvert.Controller.Tests.Store;

/// <summary>A NetworkPolicy that can't be read as a whole opens nothing.</summary>
public sealed class StricterReadingTests
{
    private const string Pods = """
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: web, namespace: shop, labels: {app: web}}
        spec: {node: n1, addresses: [10.0.0.1]}
        ---
        apiVersion: culvert.dev/v1alpha1
        kind: Workload
        metadata: {name: db, namespace: shop, labels: {app: db}}
        spec: {node: n1, addresses: [10.0.0.2]}

        """;

    [Theory]
    [InlineData("{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}, color: red}]}, {ports: [{port: 80}]}]}", "shop/web", true, false, "1")]
    [InlineData("{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80, endPort: 70}]}]}", "shop/web", true, false, "")]
    [InlineData("{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}], policyTypes: [Ingress, Egres]}", "shop/web", true, true, "0")]
    [InlineData("{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}], strength: full}", "shop/web", true, true, "")]
    [InlineData("{podSelector: {matchLabels: {app: web}}, egress: {to: []}}", "shop/web", true, true, "")]
    [InlineData("{podSelector: {matchExpressions: [{key: app, operator: Equals, values: [web]}]}, ingress: [{}]}", "shop/db shop/web", true, false, "0")]
    [InlineData("{podSelector: {matchLabels: {app: web}}, ingress: [{from: null, ports: [{port: 80}]}, {from: []}]}", "shop/web", true, false, "1")]
    [InlineData("{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{podSelector: {}}], ports: null}]}", "shop/web", true, false, "")]
    [InlineData("{podSelector: {matchLabels: {app: web}}, ingress: null}", "shop/web", true, false, "")]
    [InlineData("{podSelector: {matchLabels: {app: web}}, egress: null}", "shop/web", true, true, "")]
    [InlineData("{ingress: [{}]}", "shop/db shop/web", true, false, "0")]
    [InlineData("[]", "shop/db shop/web", true, true, "")]
    [InlineData("{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.0.0.0/8}, podSelector: {}}]}, {from: [{}]}, {from: [{ipBlock: {cidr: 10.0.0.0/8, except: [11.0.0.0/16]}}]}]}", "shop/web", true, false, "")]
    public void What_is_wrong_allows_nothing_and_what_is_right_still_holds(string spec, string selected, bool ingress, bool egress, string openRules)
    {
        ObjectSet objects = Read(spec);
        Assert.NotEmpty(objects.Errors);
        Assert.All(objects.Errors, e => Assert.Equal(InForceInstead.Part, objects.Instead(e)));
        NodeSnapshot snapshot = MeshCompiler.Compile(objects, []).SnapshotFor("n1");
        Assert.Equal(selected, string.Join(' ', snapshot.Workloads.Values.Where(w => !w.NetworkPolicyNames.IsEmpty).Select(w => w.Uid).Order(StringComparer.Ordinal)));
        NetworkPolicyInfo policy = Assert.Single(snapshot.NetworkPolicies.Values);
        Assert.Equal((ingress, egress), (policy.IsolatesIngress, policy.IsolatesEgress));
        Assert.Equal(openRules, string.Join(' ', policy.Ingress.Select((r, i) => (r, i)).Where(p => p.r.Peers.IsEmpty).Select(p => p.i)));
    }

    [Theory]
    [InlineData("networking.k8s.io/v1beta1", true)]
    [InlineData("networking/v1", true)]
    [InlineData("extensions/v1beta1", true)]
    [InlineData("v1", true)]
    [InlineData("projectcalico.org/v3", false)]
    public void One_of_a_version_that_is_not_known_closes_what_it_selects_unless_it_is_another_kind(string version, bool closes)
    {
        ObjectSet objects = Read("{podSelector: {matchLabels: {app: web}}, ingress: [{ports: [{port: 80}]}]}", version: version);
        SourceError error = Assert.Single(objects.Errors);
        Assert.Contains(
            closes ? $"NetworkPolicy is not of apiVersion {version}; write networking.k8s.io/v1" : $"NetworkPolicy of apiVersion {version} is another kind of that name, which is not known", error.Reason, StringComparison.Ordinal);
        NodeSnapshot snapshot = MeshCompiler.Compile(objects, []).SnapshotFor("n1");
        Assert.Equal(closes ? "shop/one" : "", string.Join(' ', snapshot.Workloads["shop/web"].NetworkPolicyNames));
        Assert.Empty(snapshot.Workloads["shop/db"].NetworkPolicyNames);
        if (closes) Assert.Equal(InForceInstead.Part, objects.Instead(error));
    }

    [Fact]
    public void Bits_beyond_the_length_of_a_block_do_not_count_as_for_all_who_enforce_it()
    {
        ObjectSet objects = Read("{podSelector: {matchLabels: {app: web}}, ingress: [{from: [{ipBlock: {cidr: 10.1.2.3/16, except: [10.1.7.9/24]}}]}]}");
        Assert.Empty(objects.Errors);
        Assert.Equal(2, objects.Warnings.Count(w => w.Reason.Contains("has bits set beyond its length, and counts as 10.1.", StringComparison.Ordinal)));
        NetworkPolicyObject policy = Assert.Single(objects.OfKind<NetworkPolicyObject>());
        Assert.Equal(("10.1.0.0/16", "10.1.7.0/24"), (policy.Ingress[0].Peers[0].Block.ToString(), policy.Ingress[0].Peers[0].Except[0].ToString()));
    }

    [Theory]
    [InlineData("policyTypes: [Ingress], egress: [{}]", "egress")]
    [InlineData("policyTypes: [Egress], ingress: [{}]", "ingress")]
    [InlineData("policyTypes: [Ingress, Egress], ingress: [{}], egress: [{}]", null)]
    [InlineData("policyTypes: [Ingress], egress: []", null)]
    [InlineData("egress: [{}]", null)]
    public void Rules_of_a_direction_that_is_not_named_count_for_nothing_with_a_warning(string spec, string? field)
    {
        ObjectSet objects = Read($"{{podSelector: {{matchLabels: {{app: web}}}}, {spec}}}");
        Assert.Empty(objects.Errors);
        SourceError[] told = [.. objects.Warnings.Where(w => w.Reason.Contains("counts for nothing", StringComparison.Ordinal))];
        Assert.Equal(field is null ? [] : [$"spec.{field}"], told.Select(w => w.Field));
    }

    [Fact]
    public void One_that_was_good_stays_as_it_was()
    {
        ObjectSet good = Read("{podSelector: {}, ingress: [{ports: [{port: 80}]}]}"), broken = Read("{podSelector: {}, ingress: [{ports: [{prt: 80}]}]}", good);
        Assert.Empty(good.Errors);
        Assert.All(broken.Errors, e => Assert.Equal(InForceInstead.LastGood, broken.Instead(e)));
        Assert.Equal(good.OfKind<NetworkPolicyObject>(), broken.OfKind<NetworkPolicyObject>());
    }

    [Fact]
    public void One_that_is_mended_is_in_force_and_one_that_is_broken_otherwise_is_read_anew()
    {
        ObjectSet broken = Read("{podSelector: {}, ingress: [{ports: [{prt: 80}]}]}"), other = Read("{podSelector: {}, color: red, ingress: [{}]}", broken), mended = Read("{podSelector: {}, ingress: [{}]}", other);
        Assert.True(Assert.Single(other.OfKind<NetworkPolicyObject>()).IsolatesEgress);
        NetworkPolicyObject policy = Assert.Single(mended.OfKind<NetworkPolicyObject>());
        Assert.Equal((false, false), (policy.IsStricterReading, policy.IsolatesEgress));
    }

    private static ObjectSet Read(string spec, ObjectSet? before = null, string version = "networking.k8s.io/v1") => ObjectSetReader.Read(
        [new("a.yaml", $"{Pods}---\napiVersion: {version}\nkind: NetworkPolicy\nmetadata: {{name: one, namespace: shop}}\nspec: {spec}\n")], before ?? ObjectSet.Empty);
}
