using System.Collections.Concurrent;
using System.Text.RegularExpressions;
using Culvert.Cli.CommandLine;
using Culvert.Cli.Installation;
using Culvert.Kubernetes.Client;
using Culvert.Kubernetes.Resources;
using Culvert.Kubernetes.Tests.Cluster;
using Culvert.Kubernetes.Tests.Support;
using Culvert.Tests.Shared;

namespace Culvert.Cli.Tests;

/// <summary>
/// What a user has to be allowed who installs Culvert, or takes it out, on a real API server: one who may do nothing is given, again and again, the verb that the command says is lacking, until it works. So each
/// verb of docs/kubernetes.md is one without which a command that has all verbs before it is refused, and says which it lacks; and all of them are enough.
/// </summary>
public sealed partial class InstallationRolesTests
{
    private const string User = "installer", Document = "docs/kubernetes.md";

    private static CancellationToken Stop => TestContext.Current.CancellationToken;

    [Fact]
    public async Task What_the_document_names_is_what_is_needed_and_one_verb_less_is_answered_by_its_name()
    {
        Assert.SkipWhen(KubernetesBinaries.Missing is not null, KubernetesBinaries.Missing ?? "");
        ConcurrentDictionary<string, bool> granted = [];
        await using var cluster = await StandInCluster.StartAsync(resource => granted.ContainsKey($"watch {resource}"));
        using var folder = new TempFolder();
        var kubeconfig = folder.Write("kubeconfig", cluster.Server.Kubeconfig(ApiServer.AdminToken).Replace("{token: ", $"{{as: {User}, token: ", StringComparison.Ordinal));

        // The server may serve the kinds before anybody could watch them.
        await GrantUntilItWorksAsync(cluster, granted, ["watch customresourcedefinitions.apiextensions.k8s.io"], "install", "--timeout", "60", "--kubeconfig", kubeconfig);

        // On an old server `install` leaves budgets out.
        Assert.Equal(Documented("`install`").Where(v => !KubernetesBinaries.IsOld || !v.EndsWith(".policy", StringComparison.Ordinal)), Sorted(granted.Keys));

        // The next version: with the same. How many controllers there are is the user's.
        await cluster.Server.KubectlAsync("", "scale", "deployment", "culvert-controller", "-n", InstallPlan.Namespace, "--replicas=1");
        var (code, _, error) = await RunAsync("upgrade", "--image-tag", "9.9.9", "--timeout", "60", "--kubeconfig", kubeconfig);
        Assert.True(code == ExitCode.Ok, error);
        Assert.Equal(1, (await cluster.Admin.Resource(KnownResources.Deployments).GetAsync(new(InstallPlan.Namespace, InstallPlan.ControllerName), Stop)).Spec.Replicas);

        // A member of each kind, and no service account, as when a run before has ended halfway.
        await cluster.Server.KubectlAsync("", "label", "namespace", "default", "culvert.dev/mesh=enabled");
        await cluster.Server.KubectlAsync("apiVersion: v1\nkind: Pod\nmetadata: {name: web, namespace: default, labels: {culvert.dev/mesh: enabled}}\nspec: {containers: [{name: main, image: none}]}", "apply", "-f", "-");
        await cluster.Server.KubectlAsync("", "delete", "serviceaccount", "culvert-agent", "-n", InstallPlan.Namespace);
        granted.Clear();
        await GrantUntilItWorksAsync(cluster, granted, [], "uninstall", "--remove-labels", "--crds", "--timeout", "60", "--kubeconfig", kubeconfig);
        Assert.Equal(Documented("`uninstall`"), Sorted(granted.Keys));
        Assert.Null(await cluster.Admin.Resource(KnownResources.Namespaces).FindAsync(new("", InstallPlan.Namespace), Stop));
    }

    private static async Task GrantUntilItWorksAsync(StandInCluster cluster, ConcurrentDictionary<string, bool> granted, string[] first, params string[] command)
    {
        foreach (var verb in first) granted[verb] = true;
        await GrantAsync(cluster, granted.Keys);
        await Soon.Holds($"{command[0]} works", async () =>
        {
            var (code, _, error) = await RunAsync(command);
            if (code == ExitCode.Ok) return true;
            Assert.True(code == ExitCode.Refused, error);
            Assert.DoesNotContain("   at ", error, StringComparison.Ordinal);
            var lacking = Lacking().Match(error);
            Assert.True(lacking.Success, error);


            // In the line before it the server is quoted, with the object: for a role that may not be bound, with the binding.
            var (verb, resource) = (lacking.Groups["verb"].Value, lacking.Groups["resource"].Value);
            Assert.Contains(verb == "bind" ? resource.Replace("roles", "rolebindings", StringComparison.Ordinal) : resource, error.Split('\n')[0], StringComparison.Ordinal);

            // Where the server does not heed yet what was granted a moment ago, it is told once more.
            if (granted.TryAdd($"{verb} {resource}", true)) await GrantAsync(cluster, granted.Keys);
            return false;
        }, () => string.Join(", ", granted.Keys));
    }

    private static async Task GrantAsync(StandInCluster cluster, IEnumerable<string> granted)
    {
        var rules = granted.Select(g => g.Split(' ')).Select(g => (Verb: g[0], Resource: g[1].Split('.', 2)[0], Group: g[1].Split('.', 2) is [_, var group] ? group : ""))
            .Select(g => $$"""{apiGroups: ["{{g.Group}}"], resources: [{{g.Resource}}], verbs: [{{g.Verb}}]}""");
        await cluster.Server.KubectlAsync(
            $$"""
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRole
            metadata: {name: {{User}}}
            rules: [{{string.Join(", ", rules)}}]
            ---
            apiVersion: rbac.authorization.k8s.io/v1
            kind: ClusterRoleBinding
            metadata: {name: {{User}}}
            roleRef: {apiGroup: rbac.authorization.k8s.io, kind: ClusterRole, name: {{User}}}
            subjects: [{kind: User, name: {{User}}}]
            """,
            "apply", "-f", "-");
        cluster.Look();
    }

    /// <summary>What the table of the document has in a column, each as <c>verb resource</c>.</summary>
    private static IEnumerable<string> Documented(string column)
    {
        var lines = File.ReadAllLines(Repository.PathOf(Document));
        var start = Array.FindIndex(lines, l => l.StartsWith('|') && l.Contains(column, StringComparison.Ordinal));
        Assert.True(start >= 0, $"{Document} has no table with {column}");
        var index = Array.FindIndex(Cells(lines[start]), c => c.Contains(column, StringComparison.Ordinal));
        return Sorted(
            from line in lines.Skip(start + 2).TakeWhile(l => l.StartsWith('|'))
            let cells = Cells(line)
            from resource in Names().Matches(cells[1]).Select(m => m.Groups["name"].Value)
            from verb in cells[index].Split(',', StringSplitOptions.TrimEntries | StringSplitOptions.RemoveEmptyEntries)
            select $"{verb} {resource}");
    }

    private static IEnumerable<string> Sorted(IEnumerable<string> verbs) => verbs.OrderBy(v => v.Split(' ')[1], StringComparer.Ordinal).ThenBy(v => v, StringComparer.Ordinal);

    private static string[] Cells(string line) => line.Split('|');

    private static async Task<(ExitCode Code, string Output, string Error)> RunAsync(params string[] arguments)
    {
        using StringWriter output = new(), error = new();
        return ((ExitCode)await CommandLineRunner.RunAsync(arguments, output, error), output.ToString(), error.ToString());
    }

    [GeneratedRegex(@"your role lacks the verb (?<verb>\w+) on (?<resource>[\w.]+);", RegexOptions.NonBacktracking)]
    private static partial Regex Lacking();

    [GeneratedRegex("`(?<name>[a-z0-9.]+)`", RegexOptions.NonBacktracking)]
    private static partial Regex Names();
}
