using System.Text.Json.Nodes;
using Culvert.Core;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>A definition of a kind is replaced by a newer one, as an upgrade does, while a controller runs.</summary>
[Collection(TestClusterCollection.Name)]
public sealed class DefinitionUpgradeTests(TestCluster cluster)
{
    private const string Definition = "authorizationpolicies.culvert.dev", Later = "notIpBlocks";

    // The server ends watches by a definition of before when the requests by it are over, and after twice the limit of a request (60 s) at the latest.
    private static readonly TimeSpan EndOfOldWatches = TimeSpan.FromMinutes(2);

    // What a schema says of values.
    private static readonly string[] Rules = ["pattern", "enum", "format", "minimum", "maximum", "minLength", "maxLength", "minItems", "maxItems", "minProperties", "maxProperties", "x-kubernetes-validations"];

    [Fact]
    public async Task WhatIsStoredFromBeforeStaysAndWhatTheNewDefinitionAllowsComesIntoForce()
    {
        string ns = await cluster.NamespaceAsync();
        await cluster.PodAsync(ns, "web", "10.22.0.1");
        try
        {
            await InstallOlderAsync(ns);
            await ApplyAsync(ns, "good", "{identities: [spiffe://cluster.local/ns/shop/sa/web]}");
            await ApplyAsync(ns, "bad", "{identities: ['a*b*c']}");
            await using RunningOnCluster controller = await cluster.ControllerAsync();
            await controller.FollowAsync("n1", "n2");
            await controller.SnapshotAsync(s => Names(s, ns) == "good");
            await IsReportedAsync();

            await cluster.InstallAsync();

            // For a moment a watch from before still tells objects as the older definition has them.
            await Soon.Holds("the field is kept", async () =>
            {
                await ApplyAsync(ns, "later", $"{{ipBlocks: [10.0.0.0/8], {Later}: [10.1.0.0/16]}}");
                return await LaterAsync(ns, "later") != "";
            });
            await Soon.Holds(
                "the field comes into force", () => controller.Host.SnapshotFor("n1").Policies.GetValueOrDefault(new(ns, "later")) is { } p && !p.Rules[0].From[0].NotIpBlocks.IsEmpty, limit: EndOfOldWatches + Soon.Limit);
            NodeSnapshot snapshot = await controller.SnapshotAsync(s => s.Policies.ContainsKey(new(ns, "later")));
            Assert.Equal("good later", Names(snapshot, ns));
            await IsReportedAsync();
            Exception refused = await Assert.ThrowsAnyAsync<Exception>(() => ApplyAsync(ns, "worse", "{identities: ['a*b*c']}"));
            Assert.Matches(@"The AuthorizationPolicy ""worse"" is invalid: spec\.rules(\[0\])?\.from(\[0\])?\.identities(\[0\])?: ", refused.Message); // servers before 1.25 say no numbers

            // The watch goes on: what is changed, mended and deleted is heard of.
            await ApplyAsync(ns, "good", "{identities: [spiffe://cluster.local/ns/shop/sa/other]}");
            await controller.SnapshotAsync(s => s.Policies[new(ns, "good")].Rules[0].From[0].Identities.Any(i => i.ToString().EndsWith("/sa/other", StringComparison.Ordinal)));
            await ApplyAsync(ns, "bad", "{identities: ['a*']}");
            await controller.SnapshotAsync(s => Names(s, ns) == "bad good later");
            await controller.ErrorsAsync("nothing is wrong with it", e => !e.Any(t => t.Contains($"{ns}/bad", StringComparison.Ordinal)));
            await cluster.Server.KubectlAsync("", "delete", "authorizationpolicy", "good", "-n", ns);
            await controller.SnapshotAsync(s => Names(s, ns) == "bad later");

            async Task IsReportedAsync()
            {
                await controller.ErrorsAsync("the bad one is named", e => e.Any(t => t.Contains($"AuthorizationPolicy {ns}/bad: spec.rules[0].from[0].identities[0]: ", StringComparison.Ordinal)));
                Assert.DoesNotContain(controller.Host.Errors, e => e.ToString().Contains($"{ns}/good", StringComparison.Ordinal));
                await StatusAsync(ns, "good", "True/Accepted True/InForce");
                await StatusAsync(ns, "bad", "False/Invalid False/NotInForce");
                Assert.StartsWith("spec.rules[0].from[0].identities[0]: ", await cluster.Server.KubectlAsync("", "get", "authorizationpolicy", "bad", "-n", ns, "-o", "jsonpath={.status.conditions[0].message}"), StringComparison.Ordinal);
            }
        }
        finally
        {
            await cluster.InstallAsync();
            await Soon.Holds("the present definition is served", async () =>
                (await ApplyAsync(ns, "last", $"{{ipBlocks: [10.0.0.0/8], {Later}: [10.1.0.0/16]}}", "--dry-run=server", "-o", "json")).Contains($"\"{Later}\": [", StringComparison.Ordinal));
        }
    }

    // Without one field and without what the present one says of values; waits until that is served.
    private async Task InstallOlderAsync(string ns)
    {
        JsonNode definition = JsonNode.Parse(await cluster.Server.KubectlAsync("", "create", "--dry-run=client", "--validate=false", "-o", "json", "-f", Repository.PathOf("deploy/crds/authorizationpolicies.yaml")))!;
        Assert.True(Strip(definition["spec"]!["versions"]![0]!["schema"]!, n => n == Later) > 0);
        Assert.True(Strip(definition["spec"]!["versions"]![0]!["schema"]!, Rules.Contains) > 0);
        await cluster.Server.KubectlAsync(definition.ToJsonString(), "apply", "--validate=false", "-f", "-");
        await Soon.Holds("the older definition is served", async () =>
        {
            await ApplyAsync(ns, "older", $"{{ipBlocks: [10.0.0.0/8], {Later}: [10.1.0.0/16]}}");
            return await LaterAsync(ns, "older") == "";
        });
        await cluster.Server.KubectlAsync("", "delete", "authorizationpolicy", "older", "-n", ns);
    }

    private static int Strip(JsonNode schema, Func<string, bool> isStripped)
    {
        if (schema is JsonArray list) return list.Sum(n => n is null ? 0 : Strip(n, isStripped));
        if (schema is not JsonObject map) return 0;
        string[] names = [.. map.Select(f => f.Key).Where(isStripped)];
        foreach (string name in names) map.Remove(name);
        return names.Length + map.Sum(f => f.Value is null ? 0 : Strip(f.Value, isStripped));
    }

    private Task<string> LaterAsync(string ns, string name) => cluster.Server.KubectlAsync("", "get", "authorizationpolicy", name, "-n", ns, "-o", $"jsonpath={{.spec.rules[0].from[0].{Later}[0]}}");

    private Task<string> ApplyAsync(string ns, string name, string from, params string[] more) => cluster.Server.KubectlAsync(
        $"apiVersion: culvert.dev/v1alpha1\nkind: AuthorizationPolicy\nmetadata: {{name: {name}, namespace: {ns}}}\nspec: {{action: DENY, rules: [{{from: [{from}]}}]}}", ["apply", "--validate=false", "-f", "-", .. more]);

    private Task StatusAsync(string ns, string name, string wanted)
    {
        string found = "";
        return Soon.Holds($"{name}: {wanted}", async () =>
        {
            found = await cluster.Server.KubectlAsync("", "get", "authorizationpolicy", name, "-n", ns, "-o", "jsonpath={range .status.conditions[*]}{.status}/{.reason} {end}");
            return found.Trim() == wanted;
        }, () => found);
    }

    private static string Names(NodeSnapshot snapshot, string ns) => string.Join(' ', snapshot.Policies.Values.Where(p => p.Name.Namespace == ns).Select(p => p.Name.Name).Order(StringComparer.Ordinal));
}
