using System.Text.Json.Nodes;
using Culvert.Controller.Documents;
using Culvert.Tests.Shared;

namespace Culvert.Controller.Tests.Kubernetes;

/// <summary>The roles of <c>deploy</c>, and who has them, as its files say it.</summary>
internal static class DeployedRoles
{
    private const string Api = "rbac.authorization.k8s.io";

    /// <summary>The documents of all files.</summary>
    private static readonly JsonObject[] Documents =
    [
        .. Directory.EnumerateFiles(Repository.PathOf("deploy"), "*.yaml", SearchOption.AllDirectories).Order(StringComparer.Ordinal)
            .SelectMany(f => YamlReader.Read(File.ReadAllText(f))).Select(d => Json(d.Value!)).OfType<JsonObject>(),
    ];

    /// <summary>Each verb on each resource of each rule.</summary>
    public static IEnumerable<GrantedVerb> Verbs =>
        from role in Of("Role", "ClusterRole")
        from rule in role["rules"]!.AsArray().Index()
        from api in Texts(rule.Item!, "apiGroups")
        from resource in Texts(rule.Item!, "resources")
        from verb in Texts(rule.Item!, "verbs")
        select new GrantedVerb(Text(role, "kind"), Text(role["metadata"]!, "name"), rule.Index, api, resource, verb);

    /// <summary>Who has roles: <c>namespace/name</c> of service accounts.</summary>
    public static IEnumerable<string> Accounts =>
        from binding in Of("RoleBinding", "ClusterRoleBinding")
        from subject in binding["subjects"]!.AsArray()
        select $"{Text(subject!, "namespace")}/{Text(subject!, "name")}";

    /// <summary>All roles, and their bindings, for another account of the same namespace, with one verb less.</summary>
    /// <param name="account">The account; the names of the objects are its own as well.</param>
    /// <param name="without">The verb; null: none is missing.</param>
    public static IEnumerable<JsonObject> For(string account, GrantedVerb? without)
    {
        foreach (JsonObject role in Of("Role", "ClusterRole").Select(Copy))
        {
            if (without is not null && Text(role, "kind") == without.Kind && Text(role["metadata"]!, "name") == without.Role) Split(role["rules"]!.AsArray(), without);
            role["metadata"]!["name"] = $"{account}.{Text(role["metadata"]!, "name")}";
            yield return role;
        }
        foreach (JsonObject binding in Of("RoleBinding", "ClusterRoleBinding").Select(Copy))
        {
            binding["metadata"]!["name"] = $"{account}.{Text(binding["metadata"]!, "name")}";
            binding["roleRef"]!["name"] = $"{account}.{Text(binding["roleRef"]!, "name")}";
            foreach (JsonNode? subject in binding["subjects"]!.AsArray()) subject!["name"] = account;
            yield return binding;
        }
    }

    // In place of a rule for several resources one for each.
    private static void Split(JsonArray rules, GrantedVerb without)
    {
        JsonObject rule = rules[without.Rule]!.AsObject();
        rules.RemoveAt(without.Rule);
        foreach (string api in Texts(rule, "apiGroups"))
        {
            foreach (string resource in Texts(rule, "resources"))
            {
                string[] verbs = [.. Texts(rule, "verbs").Where(v => v != without.Verb || api != without.Api || resource != without.Resource)];
                if (verbs.Length == 0) continue;
                JsonObject left = Copy(rule);
                (left["apiGroups"], left["resources"], left["verbs"]) = (new JsonArray(api), new JsonArray(resource), new JsonArray([.. verbs.Select(v => (JsonNode)v)]));
                rules.Add(left);
            }
        }
    }

    private static IEnumerable<JsonObject> Of(params string[] kinds) =>
        Documents.Where(d => d["apiVersion"]?.GetValue<string>().StartsWith(Api, StringComparison.Ordinal) == true && kinds.Contains(Text(d, "kind"), StringComparer.Ordinal));

    private static JsonObject Copy(JsonObject document) => document.DeepClone().AsObject();

    private static string Text(JsonNode node, string key) => node[key]!.GetValue<string>();

    private static IEnumerable<string> Texts(JsonNode node, string key) => node[key]!.AsArray().Select(n => n!.GetValue<string>());

    private static JsonNode? Json(DocumentNode node) => node switch
    {
        MapNode map => new JsonObject(map.Entries.Select(e => KeyValuePair.Create(e.Key, Json(e.Value)))),
        ListNode list => new JsonArray([.. list.Items.Select(Json)]),
        ScalarNode scalar => JsonValue.Create(scalar.Text),
        _ => throw new InvalidOperationException(node.Describe()),
    };
}

/// <summary>A verb on a resource that a rule grants.</summary>
/// <param name="Kind">Kind of the role.</param>
/// <param name="Role">Its name.</param>
/// <param name="Rule">Which of its rules, from 0.</param>
/// <param name="Api">Group of the resource.</param>
/// <param name="Resource">The resource, with its part where it is one.</param>
/// <param name="Verb">The verb.</param>
internal sealed record GrantedVerb(string Kind, string Role, int Rule, string Api, string Resource, string Verb)
{
    /// <summary>The resource as messages have it.</summary>
    public string FullResource => Api.Length == 0 ? Resource : Resource.Contains('/', StringComparison.Ordinal) ? $"{Resource} of {Api}" : $"{Resource}.{Api}";
}
