using System.Text.Json.Nodes;
using Culvert.Cli.Installation;

namespace Culvert.Cli.Tests;

/// <summary>What the pods of <c>deploy</c> may do on a node and in a cluster, and what they ask of both.</summary>
public sealed class DeployedPodsTests
{
    // The file has what each is for.
    private static readonly string[] AgentCapabilities = ["BPF", "NET_ADMIN", "NET_RAW", "PERFMON", "SYS_ADMIN", "SYS_NICE", "SYS_PTRACE"];

    private static readonly InstallPlan Plan = InstallPlan.Create(new());
    private static readonly JsonNode[] Objects = [.. Plan.All.Append(Plan.Removal).Select(m => JsonNode.Parse(m.ToJson())!)];

    [Fact]
    public void Agents_have_the_capabilities_that_are_named_and_controllers_none()
    {
        Assert.All(Agents(), pod => Assert.Equal(AgentCapabilities, Added(pod)));
        Assert.Empty(Added(Controller()));

        static string[] Added(JsonNode pod) => [.. Containers(pod).SelectMany(c => Texts(c["securityContext"]!["capabilities"]!["add"])).Order(StringComparer.Ordinal)];
    }

    [Fact]
    public void No_container_is_privileged_becomes_it_or_writes_into_its_image()
    {
        Assert.All(Pods().SelectMany(Containers), container =>
        {
            var context = container["securityContext"]!;
            Assert.Null(context["privileged"]);
            Assert.False(context["allowPrivilegeEscalation"]!.GetValue<bool>());
            Assert.True(context["readOnlyRootFilesystem"]!.GetValue<bool>());
            Assert.Equal(["ALL"], Texts(context["capabilities"]!["drop"]));
        });
        Assert.All(Pods(), pod => Assert.Equal("RuntimeDefault", pod["securityContext"]!["seccompProfile"]!["type"]!.GetValue<string>()));
    }

    [Fact]
    public void Controllers_are_nobody_and_have_nothing_of_their_node()
    {
        var pod = Controller();
        Assert.True(pod["securityContext"]!["runAsNonRoot"]!.GetValue<bool>());
        Assert.NotEqual(0, pod["securityContext"]!["runAsUser"]!.GetValue<int>());
        Assert.NotEqual(0, pod["securityContext"]!["runAsGroup"]!.GetValue<int>());
        Assert.All(Containers(pod), c => Assert.Null(c["securityContext"]!["runAsUser"]));
        Assert.All(new[] { "hostNetwork", "hostPID", "hostIPC" }, field => Assert.Null(pod[field]));
        Assert.All(pod["volumes"]!.AsArray(), v => Assert.Null(v!["hostPath"]));
    }

    [Fact]
    public void A_node_keeps_room_for_them_and_they_take_no_more_memory_than_a_limit()
    {
        Assert.All(Pods().SelectMany(Containers), container =>
        {
            Assert.NotNull(container["resources"]!["requests"]!["cpu"]);
            Assert.NotNull(container["resources"]!["requests"]!["memory"]);
            Assert.NotNull(container["resources"]!["limits"]!["memory"]);
            Assert.Null(container["resources"]!["limits"]!["cpu"]);
        });
        Assert.All(Agents(), pod => Assert.Equal("system-node-critical", pod["priorityClassName"]!.GetValue<string>()));
        Assert.Equal("system-cluster-critical", Controller()["priorityClassName"]!.GetValue<string>());
    }

    [Fact]
    public void Agents_run_on_every_node() => Assert.All(Agents(), pod =>
    {
        // With a key or an effect it would tolerate only some taints.
        Assert.Contains(pod["tolerations"]!.AsArray(), t => JsonNode.DeepEquals(t, new JsonObject { ["operator"] = "Exists" }));
        Assert.Null(pod["nodeSelector"]);
        Assert.Null(pod["affinity"]);
    });

    [Fact]
    public void A_node_that_is_drained_takes_one_controller_away()
    {
        var budget = Assert.Single(Objects, o => Kind(o) == "PodDisruptionBudget");
        var deployment = Objects.Single(o => Kind(o) == "Deployment");
        Assert.Equal(1, budget["spec"]!["maxUnavailable"]!.GetValue<int>());
        Assert.Equal(Text(deployment, "namespace"), Text(budget, "namespace"));
        Assert.True(deployment["spec"]!["replicas"]!.GetValue<int>() > 1);
        Assert.Equal(["matchLabels"], budget["spec"]!["selector"]!.AsObject().Select(f => f.Key));
        var labels = deployment["spec"]!["template"]!["metadata"]!["labels"]!;
        var selector = budget["spec"]!["selector"]!["matchLabels"]!.AsObject();
        Assert.NotEmpty(selector);
        Assert.All(selector, l => Assert.Equal(l.Value!.GetValue<string>(), labels[l.Key]?.GetValue<string>()));
    }

    [Fact]
    public void Agents_have_no_token_for_the_API_server_and_may_do_nothing_there()
    {
        Assert.All(Agents(), pod =>
        {
            Assert.False(pod["automountServiceAccountToken"]!.GetValue<bool>());
            Assert.All(Tokens(pod), t => Assert.Equal("culvert-controller", t["audience"]!.GetValue<string>()));
        });
        var account = Agents()[0]["serviceAccountName"]!.GetValue<string>();
        Assert.False(Objects.Single(o => Kind(o) == "ServiceAccount" && Text(o, "name") == account)["automountServiceAccountToken"]!.GetValue<bool>());
        Assert.All(Objects.Where(o => Kind(o).EndsWith("Binding", StringComparison.Ordinal)).SelectMany(b => b["subjects"]!.AsArray()), s =>
        {
            Assert.Equal("ServiceAccount", s!["kind"]!.GetValue<string>());
            Assert.NotEqual(account, s["name"]!.GetValue<string>());
        });

        static IEnumerable<JsonNode> Tokens(JsonNode pod) =>
            from volume in pod["volumes"]!.AsArray()
            from source in volume!["projected"]?["sources"]?.AsArray() ?? []
            where source!["serviceAccountToken"] is not null
            select source["serviceAccountToken"]!;
    }

    [Fact]
    public void No_rule_of_a_role_is_for_everything()
    {
        JsonNode[] roles = [.. Objects.Where(o => Kind(o) is "ClusterRole" or "Role")];
        Assert.Equal(["ClusterRole", "Role"], roles.Select(Kind));
        Assert.All(roles.SelectMany(r => r["rules"]!.AsArray()), rule =>
        {
            Assert.DoesNotContain("*", rule!.ToJsonString(), StringComparison.Ordinal);

            // One who may read any Secret could be anybody.
            if (Texts(rule["resources"]).Contains("secrets")) Assert.NotEmpty(Texts(rule["resourceNames"]));
        });
    }

    private static JsonNode[] Pods() => [.. Agents(), Controller()];

    // And what empties nodes in their place.
    private static JsonNode[] Agents()
    {
        JsonNode[] pods = [.. Objects.Where(o => Kind(o) == "DaemonSet").Select(Pod)];
        Assert.Equal(2, pods.Length);
        return pods;
    }

    private static JsonNode Controller() => Pod(Objects.Single(o => Kind(o) == "Deployment"));

    private static JsonNode Pod(JsonNode workload) => workload["spec"]!["template"]!["spec"]!;

    private static IEnumerable<JsonNode> Containers(JsonNode pod) => pod["containers"]!.AsArray().Concat(pod["initContainers"]?.AsArray() ?? []).Select(c => c!);

    private static string[] Texts(JsonNode? list) => [.. list?.AsArray().Select(t => t!.GetValue<string>()) ?? []];

    private static string Kind(JsonNode node) => node["kind"]!.GetValue<string>();

    private static string Text(JsonNode node, string field) => node["metadata"]![field]!.GetValue<string>();
}
